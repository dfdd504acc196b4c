-- How many jobs of a tenant wait in a family, those for later and those behind an ordering key among them: asked before
-- a door commits, so approximate by the accepts in flight.
--
-- ARGV[2]  tenant              ARGV[3]  family
-- answer   {waiting: number, permits: {}}

local waiting = 0
local packed = redis.call('GET', K .. 'tenant:' .. ARGV[2])
for name, part in pairs(packed and cmsgpack.unpack(packed).lanes or {}) do
    if family_of(name) == ARGV[3] then waiting = waiting + part.waiting + part.delayed + part.held end
end
return answer({ waiting = waiting })
