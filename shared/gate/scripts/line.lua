-- How a job waits: in its tenant's backlog, held until it is due, or held behind the ordering key's holder.
--
-- All unfinished jobs of one ordering key stand in a line by order of acceptance. One of them, the holder, may wait in
-- the backlog or run: the one that runs, and where none runs the first in line (jobs may be offered in another order
-- than they were accepted in).

-- Scores are priority * 2^48 + order of acceptance (`keys.py`).
local function accepted(job)
    return job.score % 281474976710656
end

local function line_of(job)
    return K .. 'line:' .. job.tenant .. ':' .. job.key
end

local function first_of(job)
    return redis.call('ZRANGE', line_of(job), 0, 0)[1]
end

local function holder_of(job)
    return redis.call('HGET', K .. 'holders', job.tenant .. ':' .. job.key)
end

-- Jobs that wait for room in a budget.
local function count_need(part, job, change)
    part.needs = part.needs + change
    local record = budget(job.tenant)
    record.needs = record.needs + change
end

local function wait_its_time(id, job, due)
    local part = lane_of_tenant(tenant(job.tenant), job.lane)
    if due > now then
        redis.call('ZADD', K .. 'delayed', due, id)
        part.delayed = part.delayed + 1
        due_at(due)
    else
        redis.call('ZADD', K .. 'backlog:' .. job.lane .. ':' .. job.tenant, job.score, id)
        part.waiting = part.waiting + 1
        if job.need then count_need(part, job, 1) end
    end
end

-- Take a waiting job out of wherever it waits.
local function withdraw(id, job)
    local part = lane_of_tenant(tenant(job.tenant), job.lane)
    if redis.call('ZREM', K .. 'backlog:' .. job.lane .. ':' .. job.tenant, id) == 1 then
        part.waiting = part.waiting - 1
        if job.need then count_need(part, job, -1) end
    elseif redis.call('ZREM', K .. 'delayed', id) == 1 then
        part.delayed = part.delayed - 1
    else
        part.held = part.held - 1
    end
end

local function hold_back(job)
    local part = lane_of_tenant(tenant(job.tenant), job.lane)
    part.held = part.held + 1
end

-- Give the key to this job, which is held, and let it wait.
local function hand_key_to(id, job)
    redis.call('HSET', K .. 'holders', job.tenant .. ':' .. job.key, id)
    local part = lane_of_tenant(tenant(job.tenant), job.lane)
    part.held = part.held - 1
    wait_its_time(id, job, job.due or 0)
end

-- The holder of a job's key makes way, unless it runs.
local function make_way(job)
    local holder = holder_of(job)
    local other = holder and job_of(holder)
    if not other or other.lease then return false end
    withdraw(holder, other)
    hold_back(other)
    return true
end

-- A job that is new to the gate waits; `due` in ms since 1970.
local function wait_first(id, job, due)
    if not job.key then return wait_its_time(id, job, due) end
    redis.call('ZADD', line_of(job), accepted(job), id)
    if redis.call('HSETNX', K .. 'holders', job.tenant .. ':' .. job.key, id) == 1 then
        return wait_its_time(id, job, due)
    end
    hold_back(job)
    if first_of(job) == id and make_way(job) then hand_key_to(id, job) end
end

-- A job that ran waits again. It keeps its ordering key unless an earlier job has come.
local function wait_again(id, job, due)
    job.again, job.due = nil, due > now and due or nil
    keep_job(id, job)
    local holds = not job.key or holder_of(job) == id
    local first = job.key and first_of(job) or id
    if holds and first == id then return wait_its_time(id, job, due) end
    hold_back(job)
    if holds then hand_key_to(first, job_of(first)) end
end

-- A job leaves the gate: whoever is first in its line holds the key now.
local function leave_line(id, job)
    if not job.key then return end
    redis.call('ZREM', line_of(job), id)
    if holder_of(job) ~= id then return end
    local first = first_of(job)
    if first then return hand_key_to(first, job_of(first)) end
    redis.call('HDEL', K .. 'holders', job.tenant .. ':' .. job.key)
end
