-- Rebuild only: put back the reservation of an intent that is not settled. It was allowed when it was made, so it is
-- not asked again whether there is room.
--
-- ARGV[2]  call id             ARGV[3]  tenant, ARGV[4] {tokens, nanos, windows} as in reserve
-- answer   {new: true|false, permits: {}}

local fresh = redis.call('HEXISTS', K .. 'reserved', ARGV[2]) == 0
if fresh then hold(ARGV[2], ARGV[3], needed(ARGV[4])) end
return answer({ new = fresh })
