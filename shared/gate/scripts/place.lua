-- What every operation begins with: is the gate open, and where does a tenant stand?
--
-- KEYS[1]  prefix of the cell's keys, `hg:{<cell>}:`
-- ARGV[1]  the epoch that is being rebuilt; '' for the one in force
--
-- The gate is open while the epoch in force was opened on this very run of Redis: a restart, a failover or a flush
-- changes `run_id` or loses the head, and every operation answers CLOSED until the gate has been rebuilt.

local epoch = ARGV[1]
if epoch == '' then
    local head = redis.call('HMGET', KEYS[1] .. 'head', 'epoch', 'run_id')
    local run_id = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
    if not head[1] or head[2] ~= run_id then
        return redis.error_reply('CLOSED this gate has no memory of the present epoch: it must be rebuilt')
    end
    epoch = head[1]
end

local K = KEYS[1] .. epoch .. ':'
local now = clock()
local permits, touched = {}, {}

-- At most so many permits per lane are out: enough to wake a worker host at once, and the broker stays small.
local PERMIT_CAP = 64
-- Weight of the newest cost in a running average: about the last ten jobs count.
local NEWEST = 0.2

local function number(value)
    return tonumber(value or 0) or 0
end

local function record(key)
    local flat, fields = redis.call('HGETALL', key), {}
    for i = 1, #flat, 2 do fields[flat[i]] = flat[i + 1] end
    return fields
end

-- Jobs of a tenant that are held until they are due, over all lanes and by lane.
local function count_delayed(tenant, lane, change)
    redis.call('HINCRBY', K .. 'tenant:' .. tenant, 'delayed', change)
    redis.call('HINCRBY', K .. 'tenant:' .. tenant, 'delayed:' .. lane, change)
end

local function family_of(lane)
    return string.match(lane, '^[^.@]+')
end

local function backlog_of(lane, tenant)
    return K .. 'backlog:' .. lane .. ':' .. tenant
end

-- Owe the queues of the lanes touched the permits that are missing: min(jobs that could start, cap) - permits out.
-- Once, when all is placed: a slot that frees a job and takes it itself needs none.
local function owe()
    for lane in pairs(touched) do
        local key = K .. 'lane:' .. lane
        local state = redis.call('HMGET', key, 'eligible', 'live')
        local missing = math.min(number(state[1]), PERMIT_CAP) - number(state[2])
        if missing > 0 then
            redis.call('HINCRBY', key, 'live', missing)
            permits[lane] = (permits[lane] or 0) + missing
        end
    end
    touched = {}
end

-- How many more jobs of a family this tenant may run now.
local function headroom(fields, family)
    return math.min(
        number(fields['limit:running']) - number(fields.running),
        number(fields['limit:' .. family]) - number(fields['running:' .. family]))
end

-- Whether no job of a family may run, however few do.
local function barred(fields, family)
    return fields.open == '0' or number(fields['limit:running']) == 0 or number(fields['limit:' .. family]) == 0
end

-- Where a tenant stands in one lane: idle, ready, blocked (nothing may run) or full (at its concurrency).
local function standing(fields, waiting, family)
    if waiting == 0 then return 'idle' end
    if barred(fields, family) then return 'blocked' end
    if headroom(fields, family) <= 0 then return 'full' end
    return 'ready'
end

-- A tenant that begins to wait for slots is lifted to the lane's clock: it banks nothing for the time before. One that
-- was at its concurrency has waited all along, and keeps its time.
local function begins_to_wait(before, after)
    return (before == 'idle' or before == 'blocked') and (after == 'ready' or after == 'full')
end

local function place_in_lane(tenant, fields, lane)
    local key, tenant_key = K .. 'lane:' .. lane, K .. 'tenant:' .. tenant
    local waiting = redis.call('ZCARD', backlog_of(lane, tenant))
    local family = family_of(lane)
    local before, after = fields['stands:' .. lane] or 'idle', standing(fields, waiting, family)
    local time = number(fields['time:' .. lane])
    if begins_to_wait(before, after) then
        time = math.max(time, number(redis.call('HGET', key, 'clock')))
        redis.call('HSET', tenant_key, 'time:' .. lane, time)
    end
    if after == 'ready' then
        redis.call('ZADD', K .. 'ready:' .. lane, time, tenant)
    elseif before == 'ready' then
        redis.call('ZREM', K .. 'ready:' .. lane, tenant)
    end
    local startable = after == 'ready' and math.min(waiting, headroom(fields, family)) or 0
    local change = startable - number(fields['startable:' .. lane])
    if change ~= 0 then
        local eligible = redis.call('HINCRBY', key, 'eligible', change)
        if eligible == change then redis.call('HSET', key, 'returned', 1) end
        redis.call('HSET', tenant_key, 'startable:' .. lane, startable)
    end
    if after ~= before then redis.call('HSET', tenant_key, 'stands:' .. lane, after) end
    touched[lane] = true
    return waiting > 0
end

-- The one function that says where a tenant stands, in all its lanes at once: a slot freed in one lane may make the
-- tenant eligible in another.
local function place(tenant)
    local fields = record(K .. 'tenant:' .. tenant)
    local active = number(fields.running) > 0 or number(fields.delayed) > 0
    for lane in string.gmatch(fields.lanes or '', '[^,]+') do
        active = place_in_lane(tenant, fields, lane) or active
    end
    if active and fields.active ~= '1' then
        redis.call('SADD', K .. 'active', tenant)
        redis.call('HSET', K .. 'tenant:' .. tenant, 'active', '1')
    elseif not active and fields.active == '1' then
        redis.call('SREM', K .. 'active', tenant)
        redis.call('HSET', K .. 'tenant:' .. tenant, 'active', '0')
    end
end

-- Take a tenant's limits if they are newer than what the gate knows, whoever brings them.
local function configure(tenant, version, configuration)
    local key = K .. 'tenant:' .. tenant
    if number(version) <= number(redis.call('HGET', key, 'version')) then return end
    local told = cjson.decode(configuration)
    redis.call('HSET', key, 'version', version, 'weight', told.weight, 'open', told.open and '1' or '0')
    for name, limit in pairs(told.limits) do redis.call('HSET', key, 'limit:' .. name, limit) end
end

local function join_lane(tenant, lane, weight)
    local key = K .. 'tenant:' .. tenant
    local lanes = redis.call('HGET', key, 'lanes') or ''
    if not string.find(',' .. lanes .. ',', ',' .. lane .. ',', 1, true) then
        redis.call('HSET', key, 'lanes', lanes == '' and lane or lanes .. ',' .. lane)
        redis.call('SADD', K .. 'lanes', lane)
    end
    redis.call('HSET', K .. 'lane:' .. lane, 'weight', weight)
end

local function answer(fields)
    owe()
    fields.permits = permits
    return cjson.encode(fields)
end
