-- The clock of tests: milliseconds that the test has set.
local function clock(prefix)
    return tonumber(redis.call('GET', prefix .. 'clock'))
end
