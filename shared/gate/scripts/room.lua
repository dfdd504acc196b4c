-- How many jobs of a tenant wait in a lane, those for later among them: asked before a door commits, so approximate by
-- the accepts in flight.
--
-- ARGV[2]  tenant              ARGV[3]  lane
-- answer   {waiting: number, permits: {}}

local delayed = number(redis.call('HGET', K .. 'tenant:' .. ARGV[2], 'delayed:' .. ARGV[3]))
return answer({ waiting = redis.call('ZCARD', backlog_of(ARGV[3], ARGV[2])) + delayed })
