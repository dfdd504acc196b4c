-- What a tenant has drawn and holds, by window; for people, changes nothing.
--
-- ARGV[2]  tenant
-- answer   {windows: {id: {tokens, held_tokens, nanos, held_nanos}}, permits: {}}; the numbers as text: JSON here keeps
--          14 digits only

local packed, told = redis.call('GET', K .. 'budget:' .. ARGV[2]), {}
for id, window in pairs(packed and cmsgpack.unpack(packed).windows or {}) do
    told[id] = {}
    for name, amount in pairs(window) do told[id][name] = string.format('%.0f', amount) end
end
return answer({ windows = told })
