-- The clock of every script: Redis's own, in milliseconds. Tests put another file in this one's place.
local function clock()
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
end
