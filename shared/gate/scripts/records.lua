-- What every operation begins with: is the gate open; and its records, each read once and written once.
--
-- This is loaded once into a run of Redis, as one library with all operations, and stays there: the names below are set
-- anew by each call (`begin`). Only RUN_ID lasts: which run of Redis this is, asked once (it costs 9 microseconds). It
-- lives in the process's memory and nowhere else, so no dump, replica or restart can bring back another's.

local RUN_ID
local PREFIX, K, epoch, now
-- Records by name; leases by worker, and permits by lane, as this call changes them; lanes that were given theirs.
local tenants, lanes, budgets, busy, permits, owed
-- The earliest time at which something that this call began will be due.
local soonest

-- Answers an error where the gate is closed. It is open while the epoch in force was opened on this very run of Redis:
-- after a restart, a failover or a flush the head is gone or names another run. `rebuilt`: the epoch that is being
-- rebuilt, '' for the one in force.
local function begin(prefix, rebuilt)
    RUN_ID = RUN_ID or string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
    PREFIX, epoch, now = prefix, rebuilt, clock(prefix)
    if epoch == '' then
        local head = redis.call('GET', PREFIX .. 'head')
        if not head or string.sub(head, 1, #RUN_ID) ~= RUN_ID then
            return redis.error_reply('CLOSED this gate has no memory of the present epoch: it must be rebuilt')
        end
        epoch = string.sub(head, #RUN_ID + 2)
    end
    K = PREFIX .. epoch .. ':'
    tenants, lanes, budgets, busy, permits, owed, soonest = {}, {}, {}, {}, {}, {}, nil
end

-- At most so many permits per lane are out: enough to wake a worker host at once, and the broker stays small.
local PERMIT_CAP = 64

local function unpacked(packed)
    return packed and cmsgpack.unpack(packed)
end

-- A tenant: its configuration, what runs, and where it stands in each of its lanes (`lane_of_tenant`).
local function tenant(name)
    local record = tenants[name]
    if not record then
        record = unpacked(redis.call('GET', K .. 'tenant:' .. name))
            or { version = 0, weight = 1, rate = 0, burst = 1, limits = {}, running = 0, by = {}, lanes = {} }
        tenants[name] = record
    end
    return record
end

-- A lane. `pass`: its stride; `clock`: its virtual time; `eligible`: jobs that could start now; `live`: permits out.
local function lane(name)
    local record = lanes[name]
    if not record then
        record = unpacked(redis.call('GET', K .. 'lane:' .. name))
            or { weight = 1, pass = 0, returned = true, clock = 0, eligible = 0, live = 0, running = 0 }
        lanes[name] = record
    end
    return record
end

-- A tenant in one lane. `needs`: waiting jobs that need room in a budget; `cost`: the running average.
local function lane_of_tenant(record, name)
    local part = record.lanes[name]
    if not part then
        part = { waiting = 0, delayed = 0, held = 0, running = 0, startable = 0, needs = 0, time = 0, stands = 'idle' }
        record.lanes[name] = part
        redis.call('SADD', K .. 'lanes', name)
    end
    return part
end

-- A tenant's budgets, and what was drawn and is held in each window. `needs`: waiting jobs that need room in them.
local function budget(name)
    local record = budgets[name]
    if not record then
        record = unpacked(redis.call('GET', K .. 'budget:' .. name)) or { budgets = {}, windows = {}, over = 'wait', needs = 0 }
        budgets[name] = record
    end
    return record
end

local function job_of(id)
    return unpacked(redis.call('HGET', K .. 'jobs', id))
end

local function keep_job(id, job)
    redis.call('HSET', K .. 'jobs', id, cmsgpack.pack(job))
end

local function family_of(name)
    return string.match(name, '^[^.@]+')
end

-- Something will be due: the sweeper must wake for it.
local function due_at(moment)
    if not soonest or moment < soonest then soonest = moment end
end

-- Owe a lane's queue the permits that are missing: min(jobs that could start, cap) - permits out. Once, when all is
-- placed: a slot that frees a job and takes it itself needs none.
local function owe(name, record)
    if owed[name] then return end
    owed[name] = true
    local missing = record.paused and 0 or math.min(record.eligible, PERMIT_CAP) - record.live
    if missing > 0 then
        record.live = record.live + missing
        permits[name] = (permits[name] or 0) + missing
    end
end

-- Lanes that have something to start stand in `passes`, so that a claim need not read the others. One that had nothing
-- stands there as '' when it returns: it begins where the lanes beside it are.
local function keep_lane(name, record)
    if record.eligible > 0 and not record.paused then
        redis.call('HSET', K .. 'passes', name, record.returned and '' or record.pass)
        record.listed = true
    else
        if record.listed then redis.call('HDEL', K .. 'passes', name) end
        record.listed, record.returned = nil, true
    end
    redis.call('SET', K .. 'lane:' .. name, cmsgpack.pack(record))
end

-- Ring for the sweeper if it means to sleep beyond what this operation began.
local function ring()
    local planned = soonest and redis.call('GET', K .. 'planned')
    if not planned or soonest >= tonumber(planned) then return end
    redis.call('SET', K .. 'planned', soonest)
    redis.call('LPUSH', PREFIX .. 'wake:sweep', 1)
    redis.call('LTRIM', PREFIX .. 'wake:sweep', 0, 0)
end

-- How every operation ends: owe, write what was read, answer.
local function answer(fields)
    for name, record in pairs(tenants) do redis.call('SET', K .. 'tenant:' .. name, cmsgpack.pack(record)) end
    for name, record in pairs(budgets) do redis.call('SET', K .. 'budget:' .. name, cmsgpack.pack(record)) end
    for name, record in pairs(lanes) do
        owe(name, record)
        keep_lane(name, record)
    end
    for worker, change in pairs(busy) do
        if change ~= 0 and redis.call('HINCRBY', K .. 'busy', worker, change) == 0 then
            redis.call('HDEL', K .. 'busy', worker)
        end
    end
    ring()
    fields.permits = permits
    return cjson.encode(fields)
end
