-- Where a tenant stands in each of its lanes: the one place that decides whether it may start a job.

local EVER = 1 / 0

-- How many more jobs of a family this tenant may run now.
local function headroom(record, family)
    return math.min(
        (record.limits.running or 0) - record.running,
        (record.limits[family] or 0) - (record.by[family] or 0))
end

-- Requests per minute, by the generic cell rate algorithm (ITU-T I.371): `tat` is when the next job would be due if all
-- came evenly. Answers how many may start now, and when one more may. The platform's own operations are exempt.
local function allowance(record, family)
    if record.rate == 0 or family == 'ops' then return EVER, nil end
    local interval = 60000 / record.rate
    local tat = math.max(record.tat or 0, now)
    local spare = now + record.burst * interval - tat
    return math.floor(spare / interval + 1e-9), tat + interval - record.burst * interval
end

local function count_start(record, family)
    if record.rate > 0 and family ~= 'ops' then
        record.tat = math.max(record.tat or 0, now) + 60000 / record.rate
    end
end

-- Whether the first job of a backlog needs room that its budgets do not have, and until when at most. A need above the
-- whole limit does not wait: its worker denies the job.
local function short_of(name, part, lane_name)
    if part.needs == 0 then return nil end
    local first = job_of(redis.call('ZRANGE', K .. 'backlog:' .. lane_name .. ':' .. name, 0, 0)[1])
    local short = first.need and shortage(budget(name), first.need)
    return short and not short.never and short.ends
end

-- Where a tenant stands in one lane (idle, ready, full, blocked), why it is blocked, and the time that ends that.
local function standing(name, record, part, lane_name, family)
    if part.waiting == 0 then return 'idle' end
    if not record.open then return 'blocked', 'closed' end
    if record.paused then return 'blocked', 'paused' end
    if (record.limits.running or 0) == 0 or (record.limits[family] or 0) == 0 then return 'blocked', 'limit' end
    local ends = short_of(name, part, lane_name)
    if ends then return 'blocked', 'budget', ends end
    local starts, more = allowance(record, family)
    if starts <= 0 then return 'blocked', 'rate', more end
    if headroom(record, family) <= 0 then return 'full' end
    return 'ready'
end

-- A tenant that begins to wait for slots is lifted to the lane's clock: it banks nothing for the time before. One that
-- was at its concurrency has waited all along, and keeps its time.
local function lift(part, state, after)
    if (part.stands == 'idle' or part.stands == 'blocked') and (after == 'ready' or after == 'full') then
        part.time = math.max(part.time, state.clock)
    end
end

-- Keep the lane's sum of jobs that could start.
local function count_startable(record, part, state, family)
    local startable = 0
    if part.stands == 'ready' then
        startable = math.min(part.waiting, headroom(record, family), (allowance(record, family)))
    end
    if startable ~= part.startable then
        state.eligible = state.eligible + startable - part.startable
        part.startable = startable
    end
end

local function place_in_lane(name, record, lane_name, part)
    local state, family = lane(lane_name), family_of(lane_name)
    local after, why, ends = standing(name, record, part, lane_name, family)
    lift(part, state, after)
    if after == 'ready' then
        if part.ready ~= part.time then redis.call('ZADD', K .. 'ready:' .. lane_name, part.time, name) end
        part.ready = part.time
    elseif part.ready then
        redis.call('ZREM', K .. 'ready:' .. lane_name, name)
        part.ready = nil
    end
    part.stands, part.why, part.ends = after, why, ends
    count_startable(record, part, state, family)
    return ends
end

local function is_active(part)
    return part.waiting + part.running + part.delayed + part.held > 0
end

-- Wake the tenant when the first of its lanes may be freed by time alone.
local function wake_at(name, record, first)
    if first == record.wakes then return end
    if first then
        redis.call('ZADD', K .. 'blocked', first, name)
        due_at(first)
    else
        redis.call('ZREM', K .. 'blocked', name)
    end
    record.wakes = first
end

-- The one function that says where a tenant stands, in all its lanes at once: a slot freed in one lane may make the
-- tenant eligible in another.
local function place(name)
    local record, active, first = tenant(name), false, nil
    for lane_name, part in pairs(record.lanes) do
        if is_active(part) or part.ready or part.stands ~= 'idle' then
            local ends = place_in_lane(name, record, lane_name, part)
            if ends and (not first or ends < first) then first = ends end
            active = active or is_active(part)
        end
    end
    wake_at(name, record, first)
    if active ~= (record.active or false) then
        redis.call(active and 'SADD' or 'SREM', K .. 'active', name)
        record.active = active or nil
    end
end

-- Take a tenant's configuration if it is newer than what the gate knows, whoever brings it.
local function configure(name, version, configuration)
    local record = tenant(name)
    if tonumber(version) <= record.version then return end
    local told = cjson.decode(configuration)
    record.version, record.weight = tonumber(version), told.weight
    record.open, record.paused = told.open, told.paused
    record.rate, record.burst, record.limits = told.rate, told.burst, told.limits
    -- What a slower rate made wait is not waited for under a faster one.
    if record.tat and told.rate > 0 then
        record.tat = math.min(record.tat, now + told.burst * 60000 / told.rate)
    end
    local money = budget(name)
    money.budgets, money.over, money.version = told.budgets, told.over, record.version
end
