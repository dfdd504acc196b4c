-- Release one job and claim another, in one round trip: how an awake slot goes on.
--
-- ARGV[2…7] as in release      ARGV[8]  worker, ARGV[9] lease in ms, ARGV[10…] the lanes that the worker serves
-- answer   {held: true|false, lease: {job, tenant, lane, token} | false, permits: {lane: number}}

local done = release(ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6]), ARGV[7])
local lease = claim(ARGV[8], tonumber(ARGV[9]), { unpack(ARGV, 10) })
return answer({ held = done, lease = lease })
