-- What a lane weighs beside others, from the next claim on. (An offer tells it too.)
--
-- ARGV[2]  lane                ARGV[3]  weight
-- answer   {permits: {lane: number}}

lane(ARGV[2]).weight = tonumber(ARGV[3])
return answer({})
