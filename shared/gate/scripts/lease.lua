-- Handing a job out and taking it back. A lease holds a slot of its tenant from the claim to the release.

local function job_of(id)
    local packed = redis.call('HGET', K .. 'jobs', id)
    return packed and cmsgpack.unpack(packed)
end

-- A worker's leases are counted whether or not it has shown itself yet; who holds none is not kept.
local function count_for(worker, change)
    if redis.call('HINCRBY', K .. 'busy', worker, change) == 0 then redis.call('HDEL', K .. 'busy', worker) end
end

local function count(tenant, lane, worker, change)
    local key = K .. 'tenant:' .. tenant
    redis.call('HINCRBY', key, 'running', change)
    redis.call('HINCRBY', key, 'running:' .. family_of(lane), change)
    redis.call('HINCRBY', key, 'in:' .. lane, change)
    redis.call('HINCRBY', K .. 'lane:' .. lane, 'running', change)
    count_for(worker, change)
end

-- Charge what the job is expected to cost: virtual time to the tenant, slot-seconds to the lane.
local function charge(job)
    local tenant_key, lane_key = K .. 'tenant:' .. job.tenant, K .. 'lane:' .. job.lane
    local known = redis.call('HMGET', tenant_key, 'cost:' .. job.lane, 'weight')
    local cost = known[1] and number(known[1]) or job.cost
    redis.call('HINCRBYFLOAT', tenant_key, 'time:' .. job.lane, cost / math.max(number(known[2]), 1e-6))
    local lane = redis.call('HMGET', lane_key, 'seconds', 'weight')
    local seconds = lane[1] and number(lane[1]) or 1
    redis.call('HINCRBYFLOAT', lane_key, 'pass', seconds / math.max(number(lane[2]), 1e-6))
    return cost, seconds
end

-- The lane's clock: the furthest time at which a job was claimed, and whose job it was.
local function turn(lane_key, tenant, time)
    local clock = number(redis.call('HGET', lane_key, 'clock'))
    if time >= clock then redis.call('HSET', lane_key, 'clock', time, 'clock_of', tenant) end
end

-- Where that job was charged too much the clock goes back with its tenant; else a newcomer would wait behind a mistake.
local function turn_back(lane_key, tenant, time)
    local clock = redis.call('HMGET', lane_key, 'clock', 'clock_of')
    if clock[2] == tenant and time < number(clock[1]) then redis.call('HSET', lane_key, 'clock', time) end
end

-- Put what was charged right by what was really drawn, and remember it for the next expectation.
local function correct(job, lease, cost, whole)
    local tenant_key, lane_key = K .. 'tenant:' .. job.tenant, K .. 'lane:' .. job.lane
    local seconds = (now - lease.since) / 1000
    local weight = math.max(number(redis.call('HGET', tenant_key, 'weight')), 1e-6)
    local share = math.max(number(redis.call('HGET', lane_key, 'weight')), 1e-6)
    local time = redis.call('HINCRBYFLOAT', tenant_key, 'time:' .. job.lane, (cost - lease.cost) / weight)
    turn_back(lane_key, job.tenant, number(time))
    redis.call('HINCRBYFLOAT', lane_key, 'pass', (seconds - lease.seconds) / share)
    if not whole then return end
    local usual = redis.call('HGET', tenant_key, 'cost:' .. job.lane)
    redis.call('HSET', tenant_key, 'cost:' .. job.lane, usual and usual + NEWEST * (cost - usual) or cost)
    local took = redis.call('HGET', lane_key, 'seconds')
    redis.call('HSET', lane_key, 'seconds', took and took + NEWEST * (seconds - took) or seconds)
end

-- A lease as it is kept, if it is still held under this token.
local function held(id, token)
    local packed = redis.call('HGET', K .. 'leased', id)
    local lease = packed and cmsgpack.unpack(packed)
    return lease and lease.token == token and lease
end

local function lease_out(id, job, token, worker, milliseconds)
    local cost, seconds = charge(job)
    local lease = { token = token, worker = worker, since = now, cost = cost, seconds = seconds }
    redis.call('HSET', K .. 'leased', id, cmsgpack.pack(lease))
    redis.call('ZADD', K .. 'leases', now + milliseconds, id)
    count(job.tenant, job.lane, worker, 1)
end

-- Give the slot back. `whole`: the run came to its end, so its cost says what the next will cost.
local function take_back(id, job, lease, cost, whole)
    redis.call('HDEL', K .. 'leased', id)
    redis.call('ZREM', K .. 'leases', id)
    count(job.tenant, job.lane, lease.worker, -1)
    correct(job, lease, cost, whole)
end

local function wait_until(id, job, due)
    if due > now then
        redis.call('ZADD', K .. 'delayed', due, id)
        count_delayed(job.tenant, job.lane, 1)
    else
        redis.call('ZADD', backlog_of(job.lane, job.tenant), job.score, id)
    end
end

-- The fence grows with every lease, and over every epoch: epoch * 2^32 + n.
local function next_token()
    return string.format('%.0f', tonumber(epoch) * 4294967296 + redis.call('INCR', K .. 'tokens'))
end

-- A lane's pass. One that had nothing to start and now has begins where the lanes beside it stand: it banks no service
-- for the time it was idle.
local function pass_of(lane, reached)
    local key = K .. 'lane:' .. lane
    local state = redis.call('HMGET', key, 'pass', 'returned')
    if not state[2] then return number(state[1]) end
    local pass = math.max(number(state[1]), reached)
    redis.call('HDEL', key, 'returned')
    redis.call('HSET', key, 'pass', pass)
    return pass
end

-- The lane whose turn it is by weighted stride, among those that have something to start. Workers that serve the same
-- lanes share what these have reached; what others serve has a pass of another order.
local function fairest_lane(lanes)
    local stride = K .. 'stride:' .. table.concat(lanes, ',')
    local reached, best, least = number(redis.call('GET', stride)), nil, nil
    for _, lane in ipairs(lanes) do
        if redis.call('ZCARD', K .. 'ready:' .. lane) > 0 then
            local pass = pass_of(lane, reached)
            if not least or pass < least then best, least = lane, pass end
        end
    end
    if best then redis.call('SET', stride, least) end
    return best
end

-- The job that is next in these lanes, leased to the worker; false where there is none.
local function claim(worker, milliseconds, lanes)
    local lane = fairest_lane(lanes)
    if not lane then return false end
    local first = redis.call('ZRANGE', K .. 'ready:' .. lane, 0, 0, 'WITHSCORES')
    local tenant, time = first[1], number(first[2])
    turn(K .. 'lane:' .. lane, tenant, time)
    local id = redis.call('ZPOPMIN', backlog_of(lane, tenant))[1]
    local job, token = job_of(id), next_token()
    lease_out(id, job, token, worker, milliseconds)
    place(tenant)
    return { job = id, tenant = tenant, lane = lane, token = token }
end

-- How a job leaves its worker: 'done' forgets it, 'back' puts it where it was, 'retry' holds it until `due`.
local function release(id, token, cost, how, due)
    local lease = held(id, token)
    if not lease then return false end
    local job = job_of(id)
    take_back(id, job, lease, cost, how == 'done')
    if how == 'done' or how == 'gone' then
        redis.call('HDEL', K .. 'jobs', id)
    else
        wait_until(id, job, how == 'retry' and due or 0)
    end
    place(job.tenant)
    return true
end
