-- What stands where: for people and metrics; changes nothing.
--
-- ARGV[2]  most tenants to answer       ARGV[3]  the only tenant to answer; '' for all that are active
-- answer   {lanes: [{lane, eligible, running, live, clock, paused}], backlogs: [{lane, tenant, waiting, running,
--          delayed, held, oldest, time, stands, reason, until}], workers, slots: {lane: number}, delayed, permits: {}};
--          times in ms, virtual time in cost over weight; a worker's slots count in each of its lanes

local function read(key)
    local packed = redis.call('GET', K .. key)
    return packed and cmsgpack.unpack(packed)
end

local stand = {}
for _, name in ipairs(redis.call('SMEMBERS', K .. 'lanes')) do
    local state = read('lane:' .. name) or { eligible = 0, running = 0, live = 0, clock = 0 }
    stand[#stand + 1] = {
        lane = name, eligible = state.eligible, running = state.running,
        live = state.live, clock = state.clock, paused = state.paused or false,
    }
end

local function backlog(name, lane_name, part)
    local first = redis.call('ZRANGE', K .. 'backlog:' .. lane_name .. ':' .. name, 0, 0)[1]
    return {
        lane = lane_name, tenant = name, waiting = part.waiting, running = part.running,
        delayed = part.delayed, held = part.held, oldest = first and now - job_of(first).offered or 0,
        time = part.time, stands = part.stands, reason = part.why or '', ['until'] = part.ends or 0,
    }
end

local backlogs = {}
for i, name in ipairs(ARGV[3] ~= '' and { ARGV[3] } or redis.call('SMEMBERS', K .. 'active')) do
    if i > tonumber(ARGV[2]) then break end
    for lane_name, part in pairs((read('tenant:' .. name) or { lanes = {} }).lanes) do
        if part.waiting + part.running + part.delayed + part.held > 0 then
            backlogs[#backlogs + 1] = backlog(name, lane_name, part)
        end
    end
end

local slots = {}
local workers = redis.call('ZRANGEBYSCORE', K .. 'workers', now, '+inf')
for _, worker in ipairs(workers) do
    local told = redis.call('HMGET', K .. 'worker:' .. worker, 'slots', 'lanes')
    for name in string.gmatch(told[2] or '', '[^,]+') do slots[name] = (slots[name] or 0) + tonumber(told[1]) end
end

return answer({
    lanes = stand, backlogs = backlogs, workers = #workers, slots = slots,
    delayed = redis.call('ZCARD', K .. 'delayed'),
})
