-- The gate's housekeeping, by whichever worker holds the sweeper's token: expired leases go back to the front, due
-- jobs join their backlogs, tenants whose time has come are placed anew, dead workers are struck off, and lanes that
-- have free slots and waiting jobs get permits.
--
-- ARGV[2]  worker              ARGV[3]  how long the token stays held, in ms    ARGV[4]  at most so many per call
-- answer   {swept: true|false, expired: number, wake: ms until the next due time, permits: {lane: number}}

-- The time between two sweeps where nothing is due, in milliseconds, and a little less: clocks are read unevenly.
local SWEEP = 900
-- The longest time between two sweeps, in milliseconds.
local LONGEST = 1000
-- By so many milliseconds leases and waits may last longer where the clock was set back, and no rebuild is worth it.
local PAST = 60000

local sweeper, most = redis.call('GET', K .. 'sweeper'), tonumber(ARGV[4])
if sweeper and sweeper ~= ARGV[2] then return answer({ swept = false, expired = 0, wake = tonumber(ARGV[3]) }) end
redis.call('SET', K .. 'sweeper', ARGV[2], 'PX', ARGV[3])

-- Leases, waits and windows end by the clock, so under one that was set back they would last longer by as much. A gate
-- that finds itself in its own past is closed: its rebuild counts everything anew.
local swept = tonumber(redis.call('GET', K .. 'swept') or now)
if now < swept - PAST then
    redis.call('DEL', PREFIX .. 'head')
    return redis.error_reply('CLOSED the clock was set back: this gate must be rebuilt')
end
redis.call('SET', K .. 'swept', now)

local moved = {}
local function due(set)
    return redis.call('ZRANGEBYSCORE', K .. set, '-inf', now, 'LIMIT', 0, most)
end

-- What an expired run drew is not known here: what was charged at its claim stands.
local expired = due('leases')
for _, id in ipairs(expired) do
    local job = job_of(id)
    take_back(id, job, job.lease.cost, false)
    wait_again(id, job, 0)
    moved[job.tenant] = true
end

for _, id in ipairs(due('delayed')) do
    local job = job_of(id)
    withdraw(id, job)
    wait_its_time(id, job, 0)
    moved[job.tenant] = true
end

for _, name in ipairs(due('blocked')) do
    redis.call('ZREM', K .. 'blocked', name)
    tenant(name).wakes = nil
    moved[name] = true
end
for name in pairs(moved) do place(name) end

-- How many slots stand free in each lane, by what the workers told; a worker that fell silent has none.
local free, workers = {}, redis.call('ZRANGE', K .. 'workers', 0, -1, 'WITHSCORES')
for i = 1, #workers, 2 do
    local worker, expiry = workers[i], tonumber(workers[i + 1])
    if expiry <= now then
        redis.call('ZREM', K .. 'workers', worker)
        redis.call('DEL', K .. 'worker:' .. worker)
    else
        local told = redis.call('HMGET', K .. 'worker:' .. worker, 'slots', 'lanes')
        local held_now = tonumber(redis.call('HGET', K .. 'busy', worker) or 0) + (busy[worker] or 0)
        local idle = math.max(0, tonumber(told[1] or 0) - held_now)
        for name in string.gmatch(told[2] or '', '[^,]+') do free[name] = (free[name] or 0) + idle end
    end
end

-- `live` is a belief. Where jobs could start and slots stood free from one sweep to the next, the permits are gone: send
-- all anew, and one for each free slot. If that changes nothing the cause is another one, so each further repair waits
-- twice as long (32 sweeps at most) until a permit arrives. Sweeps are told by the clock: those that something due brings
-- about do not count.
local function repair(name, state)
    local idle = free[name] or 0
    local missing = (state.paused or idle == 0) and 0 or math.min(state.eligible, math.max(idle, PERMIT_CAP))
    if missing == 0 then
        state.starved = nil
    elseif not state.starved then
        state.starved = now
    elseif now - state.starved >= SWEEP * 2 ^ math.min(state.repairs or 0, 5) then
        state.live, state.repairs, state.starved = missing, (state.repairs or 0) + 1, nil
        permits[name] = missing
    end
end

for _, name in ipairs(redis.call('SMEMBERS', K .. 'lanes')) do
    local state = lane(name)
    owe(name, state)
    repair(name, state)
end

local wake = LONGEST
for _, set in ipairs({ 'leases', 'delayed', 'blocked' }) do
    local first = redis.call('ZRANGE', K .. set, 0, 0, 'WITHSCORES')
    if first[2] then wake = math.min(wake, math.max(0, tonumber(first[2]) - now)) end
end
redis.call('SET', K .. 'planned', now + wake)
soonest = nil
return answer({ swept = true, expired = #expired, wake = wake })
