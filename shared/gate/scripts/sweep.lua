-- The gate's housekeeping, by whichever worker holds the sweeper's token: expired leases go back to the front, due
-- jobs join their backlogs, dead workers are struck off, and lanes that have free slots and waiting jobs get permits.
--
-- ARGV[2]  worker              ARGV[3]  how long the token stays held, in ms    ARGV[4]  at most so many per call
-- answer   {swept: true|false, expired: number, wake: ms until the next due time, permits: {lane: number}}

-- The time between two sweeps where nothing is due, in milliseconds, and a little less: clocks are read unevenly.
local SWEEP = 900

local sweeper = redis.call('GET', K .. 'sweeper')
if sweeper and sweeper ~= ARGV[2] then return answer({ swept = false, expired = 0, wake = tonumber(ARGV[3]) }) end
redis.call('SET', K .. 'sweeper', ARGV[2], 'PX', ARGV[3])

local moved, most = {}, tonumber(ARGV[4])

-- What an expired run drew is not known here: what was charged at its claim stands.
local expired = redis.call('ZRANGEBYSCORE', K .. 'leases', '-inf', now, 'LIMIT', 0, most)
for _, id in ipairs(expired) do
    local job, lease = job_of(id), cmsgpack.unpack(redis.call('HGET', K .. 'leased', id))
    take_back(id, job, lease, lease.cost, false)
    wait_until(id, job, 0)
    moved[job.tenant] = true
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', K .. 'delayed', '-inf', now, 'LIMIT', 0, most)) do
    local job = job_of(id)
    redis.call('ZREM', K .. 'delayed', id)
    count_delayed(job.tenant, job.lane, -1)
    wait_until(id, job, 0)
    moved[job.tenant] = true
end
for tenant in pairs(moved) do place(tenant) end
owe()

-- How many slots stand free in each lane, by what the workers told; a worker that fell silent has none.
local free = {}
local workers = redis.call('ZRANGE', K .. 'workers', 0, -1, 'WITHSCORES')
for i = 1, #workers, 2 do
    local worker, expiry = workers[i], tonumber(workers[i + 1])
    if expiry <= now then
        redis.call('ZREM', K .. 'workers', worker)
        redis.call('DEL', K .. 'worker:' .. worker)
    else
        local told = redis.call('HMGET', K .. 'worker:' .. worker, 'slots', 'lanes')
        local idle = math.max(0, number(told[1]) - number(redis.call('HGET', K .. 'busy', worker)))
        for lane in string.gmatch(told[2] or '', '[^,]+') do free[lane] = (free[lane] or 0) + idle end
    end
end

-- `live` is a belief. Where jobs could start and slots stood free from one sweep to the next, the permits are gone: send
-- them anew. If that changes nothing the cause is another one, so each further repair waits twice as long (32 sweeps at
-- most) until a permit arrives. Sweeps are told by the clock: those that something due brings about do not count.
for _, lane in ipairs(redis.call('SMEMBERS', K .. 'lanes')) do
    local key = K .. 'lane:' .. lane
    local state = redis.call('HMGET', key, 'eligible', 'starved', 'repairs')
    local missing, since = math.min(number(state[1]), free[lane] or 0), number(state[2])
    if missing == 0 then
        redis.call('HDEL', key, 'starved')
    elseif since == 0 then
        redis.call('HSET', key, 'starved', now)
    elseif now - since >= SWEEP * 2 ^ math.min(number(state[3]), 5) then
        redis.call('HSET', key, 'live', missing, 'repairs', number(state[3]) + 1)
        redis.call('HDEL', key, 'starved')
        permits[lane] = missing
    end
end

local wake = tonumber(ARGV[3])
for _, due in ipairs({ 'leases', 'delayed' }) do
    local first = redis.call('ZRANGE', K .. due, 0, 0, 'WITHSCORES')
    if first[2] then wake = math.min(wake, math.max(0, tonumber(first[2]) - now)) end
end
return answer({ swept = true, expired = #expired, wake = wake })
