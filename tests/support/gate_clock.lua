-- The clock of tests: milliseconds that the test has set.
local function clock()
    return tonumber(redis.call('GET', KEYS[1] .. 'clock'))
end
