-- Hold an intent's worst case in its windows before the call is made. Idempotent; fenced by the run's lease. It fails
-- closed: without an answer from here nothing is called.
--
-- ARGV[2]  call id             ARGV[4]  token
-- ARGV[3]  job                 ARGV[5]  {tokens, nanos, windows: [{id, left (ms)} hour, day, month]} as JSON
-- answer   {held: true|false, cancelled: true|false, shortage: {budget, limit, left, need, ms, never, over} | false,
--          version: of what the gate was told of the tenant, permits: {lane: number}}

local job = held(ARGV[3], ARGV[4])
if not job then return answer({ held = false, cancelled = false, shortage = false }) end
local record = budget(job.tenant)
local version = record.version or 0
if job.cancelled or redis.call('HEXISTS', K .. 'reserved', ARGV[2]) == 1 then
    return answer({ held = true, cancelled = job.cancelled or false, shortage = false, version = version })
end
local need = needed(ARGV[5])
local short = shortage(record, need)
if short then
    short.ms, short.over, short.ends = short.ends - now, record.over, nil
    short.left, short.need = string.format('%.0f', short.left), string.format('%.0f', short.need)
    short.limit = string.format('%.0f', short.limit)
    return answer({ held = true, cancelled = false, shortage = short, version = version })
end
hold(ARGV[2], job.tenant, need)
if record.needs > 0 then place(job.tenant) end
return answer({ held = true, cancelled = false, shortage = false, version = version })
