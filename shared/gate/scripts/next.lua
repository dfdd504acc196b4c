-- Release one job and claim another, in one round trip: how an awake slot goes on.
--
-- ARGV[2…6] as in release      ARGV[7]  worker, ARGV[8] lease in ms, ARGV[9…] the lanes that the worker serves
-- answer   {held: true|false, lease: {job, tenant, lane, token} | false, permits: {lane: number}}

local held = release(ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6]))
local lease = claim(ARGV[7], tonumber(ARGV[8]), { unpack(ARGV, 9) })
return answer({ held = held, lease = lease })
