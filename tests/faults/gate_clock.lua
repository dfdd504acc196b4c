-- Redis's own clock, moved by the milliseconds that the matrix has set.
local function clock(prefix)
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(redis.call('GET', prefix .. 'offset') or 0)
end
