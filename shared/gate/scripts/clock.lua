-- The clock of every operation: Redis's own, in milliseconds. Tests put another file in this one's place, which keeps
-- its time under the cell's prefix.
local function clock(_)
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
end
