-- Handing a job out and taking it back. A lease holds a slot of its tenant from the claim to the release.

-- Weight of the newest cost in a running average: about the last ten jobs count.
local NEWEST = 0.2

local function averaged(usual, newest)
    return usual and usual + NEWEST * (newest - usual) or newest
end

local function count(job, worker, change)
    local record, family, state = tenant(job.tenant), family_of(job.lane), lane(job.lane)
    local part = lane_of_tenant(record, job.lane)
    record.running = record.running + change
    record.by[family] = (record.by[family] or 0) + change
    part.running, state.running = part.running + change, state.running + change
    busy[worker] = (busy[worker] or 0) + change
end

-- Charge what the job is expected to cost: virtual time to the tenant, slot-seconds to the lane. Answers what a lease
-- remembers of it: the cost, and the shares charged for it under the weights of now, which may be others at its end.
local function charge(job)
    local record, state = tenant(job.tenant), lane(job.lane)
    local part = lane_of_tenant(record, job.lane)
    local cost, seconds = part.cost or job.cost, state.seconds or 1
    local share, lane_share = cost / record.weight, seconds / state.weight
    part.time, part.charged = part.time + share, (part.charged or 0) + share
    state.pass = state.pass + lane_share
    return { cost = cost, share = share, lane_share = lane_share }
end

-- Put what was charged right by what was really drawn; `whole`: remember it for the next expectation.
local function correct(job, lease, cost, whole)
    local record, state = tenant(job.tenant), lane(job.lane)
    local part, seconds = lane_of_tenant(record, job.lane), math.max(0, now - lease.since) / 1000
    part.time = part.time + cost / record.weight - lease.share
    part.charged = part.running > 0 and part.charged - lease.share or 0
    state.pass = state.pass + seconds / state.weight - lease.lane_share
    if not whole then return end
    part.cost, state.seconds = averaged(part.cost, cost), averaged(state.seconds, seconds)
end

local function lease_out(id, job, token, worker, milliseconds)
    local lease = charge(job)
    lease.token, lease.worker, lease.since = token, worker, now
    job.lease, job.need, job.due = lease, nil, nil
    keep_job(id, job)
    redis.call('ZADD', K .. 'leases', now + milliseconds, id)
    count(job, worker, 1)
end

-- Give the slot back. `whole`: the run came to its end, so its cost says what the next will cost.
local function take_back(id, job, cost, whole)
    redis.call('ZREM', K .. 'leases', id)
    count(job, job.lease.worker, -1)
    correct(job, job.lease, cost, whole)
    job.lease = nil
end

-- A job, if it is still leased under this token.
local function held(id, token)
    local job = job_of(id)
    return job and job.lease and job.lease.token == token and job
end

-- The fence grows with every lease, and over every epoch: epoch * 2^32 + n.
local function next_token()
    return string.format('%.0f', tonumber(epoch) * 4294967296 + redis.call('INCR', K .. 'tokens'))
end

-- The pass of a lane that has something to start. One that had nothing begins where the lanes beside it stand: it banks
-- no service for the time it was idle.
local function pass_of(name, standing_at, reached)
    if standing_at ~= '' then return tonumber(standing_at) end
    local state = lane(name)
    state.pass, state.returned = math.max(state.pass, reached), nil
    return state.pass
end

-- What stands in `passes` for a lane, or will when this operation ends.
local function listed(name, kept)
    local state = lanes[name]
    if not state then return kept end
    return state.eligible > 0 and not state.paused and (state.returned and '' or state.pass)
end

-- The lane whose turn it is by weighted stride, among those that have something to start. Workers that serve the same
-- lanes share what these have reached; what others serve has a pass of another order.
local function fairest_lane(names)
    if #names == 1 then
        local state = lane(names[1])
        return state.eligible > 0 and not state.paused and names[1]
    end
    local stride = K .. 'stride:' .. table.concat(names, ',')
    local kept, reached, best, least = redis.call('HMGET', K .. 'passes', unpack(names)), nil, nil, nil
    for i, name in ipairs(names) do
        local standing_at = listed(name, kept[i])
        if standing_at then
            reached = reached or tonumber(redis.call('GET', stride) or 0)
            local pass = pass_of(name, standing_at, reached)
            if not least or pass < least then best, least = name, pass end
        end
    end
    if best and least > reached then redis.call('SET', stride, least) end
    return best
end

-- The job that is next in these lanes, leased to the worker; false where there is none.
local function claim(worker, milliseconds, names)
    local chosen = fairest_lane(names)
    if not chosen then return false end
    local name = redis.call('ZRANGE', K .. 'ready:' .. chosen, 0, 0)[1]
    local record, state = tenant(name), lane(chosen)
    local part = lane_of_tenant(record, chosen)
    -- The lane's clock is what its tenants were served: without what is charged for jobs that still run, which may be
    -- wrong. Else a newcomer would be lifted to a mistake, and stay there when it is put right.
    state.clock = math.max(state.clock, part.time - (part.charged or 0))
    local id = redis.call('ZPOPMIN', K .. 'backlog:' .. chosen .. ':' .. name)[1]
    local job, token = job_of(id), next_token()
    part.waiting = part.waiting - 1
    if job.need then count_need(part, job, -1) end
    count_start(record, family_of(chosen))
    lease_out(id, job, token, worker, milliseconds)
    place(name)
    return { job = id, tenant = name, lane = chosen, token = token }
end

-- What is left of a job that ended: nothing, unless it was offered anew while it was leased.
local function forget(id, job)
    if job.again then
        job.cancelled = nil
        return wait_again(id, job, 0)
    end
    redis.call('HDEL', K .. 'jobs', id)
    return leave_line(id, job)
end

-- How a job leaves its worker: 'done' and 'gone' forget it, 'back' puts it where it was, 'retry' holds it for `after`
-- ms. `need` is '' or what it must find room for.
local function release(id, token, cost, how, after, need)
    local job = held(id, token)
    if not job then return false end
    take_back(id, job, cost, how == 'done')
    if how == 'done' or how == 'gone' then
        forget(id, job)
    else
        job.need = need ~= '' and needed(need) or nil
        wait_again(id, job, how == 'retry' and now + after or 0)
    end
    place(job.tenant)
    return true
end
