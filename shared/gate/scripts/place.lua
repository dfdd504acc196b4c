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
local permits = {}

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

local function backlog_of(lane, tenant)
    return K .. 'backlog:' .. lane .. ':' .. tenant
end

-- Owe the lane's queue the permits that are missing: min(jobs that could start, cap) - permits out.
local function owe(lane)
    local key = K .. 'lane:' .. lane
    local state = redis.call('HMGET', key, 'eligible', 'live')
    local missing = math.min(number(state[1]), PERMIT_CAP) - number(state[2])
    if missing > 0 then
        redis.call('HINCRBY', key, 'live', missing)
        permits[lane] = (permits[lane] or 0) + missing
    end
end

-- How many more jobs of a family this tenant may run now.
local function headroom(fields, family)
    if fields.open == '0' then return 0 end
    return math.min(
        number(fields['limit:running']) - number(fields.running),
        number(fields['limit:' .. family]) - number(fields['running:' .. family]))
end

-- Where a tenant stands in one lane: idle, ready, blocked (suspended) or full (at its concurrency).
local function standing(fields, waiting, room)
    if waiting == 0 then return 'idle' end
    if fields.open == '0' then return 'blocked' end
    if room <= 0 then return 'full' end
    return 'ready'
end

-- A lane that had nothing to start and now has: it banks no service for the time it was idle.
local function lift_lane(key)
    local passed = number(redis.call('HGET', key, 'pass'))
    redis.call('HSET', key, 'pass', math.max(passed, number(redis.call('GET', K .. 'stride'))))
end

local function place_in_lane(tenant, fields, lane)
    local key, tenant_key = K .. 'lane:' .. lane, K .. 'tenant:' .. tenant
    local waiting = redis.call('ZCARD', backlog_of(lane, tenant))
    local room = headroom(fields, string.match(lane, '^[^.@]+'))
    local before, after = fields['stands:' .. lane] or 'idle', standing(fields, waiting, room)
    local time = number(fields['time:' .. lane])
    if after == 'ready' then
        if before == 'idle' or before == 'blocked' then
            time = math.max(time, number(redis.call('HGET', key, 'clock')))
            redis.call('HSET', tenant_key, 'time:' .. lane, time)
        end
        redis.call('ZADD', K .. 'ready:' .. lane, time, tenant)
    elseif before == 'ready' then
        redis.call('ZREM', K .. 'ready:' .. lane, tenant)
    end
    local startable = after == 'ready' and math.min(waiting, room) or 0
    local change = startable - number(fields['startable:' .. lane])
    if change ~= 0 then
        local eligible = redis.call('HINCRBY', key, 'eligible', change)
        if eligible == change then lift_lane(key) end
        redis.call('HSET', tenant_key, 'startable:' .. lane, startable)
    end
    if after ~= before then redis.call('HSET', tenant_key, 'stands:' .. lane, after) end
    owe(lane)
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
    fields.permits = permits
    return cjson.encode(fields)
end
