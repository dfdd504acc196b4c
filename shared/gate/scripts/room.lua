-- How many jobs of a tenant wait in a lane: asked before a door commits, so approximate by the accepts in flight.
--
-- ARGV[2]  tenant              ARGV[3]  lane
-- answer   {waiting: number, permits: {}}

return answer({ waiting = redis.call('ZCARD', backlog_of(ARGV[3], ARGV[2])) })
