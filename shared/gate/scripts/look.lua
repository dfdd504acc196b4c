-- What stands where: for people and metrics; changes nothing.
--
-- ARGV[2]  most tenants to answer
-- answer   {lanes: [{lane, eligible, running, live, clock}], backlogs: [{lane, tenant, waiting, running, oldest, time,
--          stands}], workers, slots: {lane: number}, delayed, permits: {}}; times in ms, virtual time in cost over
--          weight; a worker's slots count in each of its lanes

local lanes = {}
for _, lane in ipairs(redis.call('SMEMBERS', K .. 'lanes')) do
    local state = record(K .. 'lane:' .. lane)
    lanes[#lanes + 1] = {
        lane = lane, eligible = number(state.eligible), running = number(state.running),
        live = number(state.live), clock = number(state.clock),
    }
end

local backlogs = {}
for i, tenant in ipairs(redis.call('SMEMBERS', K .. 'active')) do
    if i > tonumber(ARGV[2]) then break end
    local fields = record(K .. 'tenant:' .. tenant)
    for lane in string.gmatch(fields.lanes or '', '[^,]+') do
        local key = backlog_of(lane, tenant)
        local waiting, first = redis.call('ZCARD', key), redis.call('ZRANGE', key, 0, 0)[1]
        local running = number(fields['in:' .. lane])
        if waiting + running > 0 then
            backlogs[#backlogs + 1] = {
                lane = lane, tenant = tenant, waiting = waiting, running = running,
                oldest = first and now - job_of(first).offered or 0,
                time = number(fields['time:' .. lane]), stands = fields['stands:' .. lane] or 'idle',
            }
        end
    end
end

local slots = {}
local workers = redis.call('ZRANGEBYSCORE', K .. 'workers', now, '+inf')
for _, worker in ipairs(workers) do
    local told = redis.call('HMGET', K .. 'worker:' .. worker, 'slots', 'lanes')
    for lane in string.gmatch(told[2] or '', '[^,]+') do slots[lane] = (slots[lane] or 0) + number(told[1]) end
end

return answer({
    lanes = lanes, backlogs = backlogs, workers = #workers, slots = slots,
    delayed = redis.call('ZCARD', K .. 'delayed'),
})
