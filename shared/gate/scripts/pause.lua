-- An operator's hand on a lane: nothing is claimed from it until it is resumed.
--
-- ARGV[2]  lane                ARGV[3]  '1' to pause, '0' to resume
-- answer   {permits: {lane: number}}

redis.call('SADD', K .. 'lanes', ARGV[2])
lane(ARGV[2]).paused = ARGV[3] == '1' or nil
return answer({})
