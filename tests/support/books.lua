-- All that one epoch of a gate keeps, as JSON: read behind the gate's back, as an auditor does.
--
-- KEYS[1]  prefix of the epoch's keys    ARGV[1]  tenants, comma-separated
-- KEYS[2]  the sweeper's bell            ARGV[2]  lanes, comma-separated

local at = KEYS[1]

local function names(list)
    local found = {}
    for name in string.gmatch(list, '[^,]+') do found[#found + 1] = name end
    return found
end

local function record(key)
    local packed = redis.call('GET', at .. key)
    return packed and cmsgpack.unpack(packed) or {}
end

local function hash(key, read)
    local told, found = redis.call('HGETALL', at .. key), {}
    for i = 1, #told, 2 do found[told[i]] = read and read(told[i + 1]) or told[i + 1] end
    return found
end

local function scores(key)
    local told, found = redis.call('ZRANGE', at .. key, 0, -1, 'WITHSCORES'), {}
    for i = 1, #told, 2 do found[told[i]] = tonumber(told[i + 1]) end
    return found
end

local function each(list, read)
    local found = {}
    for _, name in ipairs(list) do found[name] = read(name) end
    return found
end

local tenants, lanes = names(ARGV[1]), names(ARGV[2])
return cjson.encode({
    jobs = hash('jobs', cmsgpack.unpack), reserved = hash('reserved', cmsgpack.unpack),
    holders = hash('holders'), busy = hash('busy'), passes = hash('passes'),
    delayed = scores('delayed'), leases = scores('leases'), blocked = scores('blocked'),
    active = each(redis.call('SMEMBERS', at .. 'active'), function() return true end),
    planned = tonumber(redis.call('GET', at .. 'planned') or 0), bell = redis.call('LLEN', KEYS[2]),
    tenants = each(tenants, function(name) return record('tenant:' .. name) end),
    budgets = each(tenants, function(name) return record('budget:' .. name) end),
    lanes = each(lanes, function(name) return record('lane:' .. name) end),
    ready = each(lanes, function(name) return scores('ready:' .. name) end),
    backlogs = each(lanes, function(name)
        return each(tenants, function(tenant) return redis.call('ZRANGE', at .. 'backlog:' .. name .. ':' .. tenant, 0, -1) end)
    end),
})
