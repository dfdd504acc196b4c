-- Replace reservations by what was really drawn, in the same windows. A call that is not reserved (any more) is left
-- alone, so this may be said twice.
--
-- ARGV[2…] call id, tokens, nanos; call id, tokens, nanos …
-- answer   {settled: number, permits: {lane: number}}

local settled, freed = 0, {}
for i = 2, #ARGV, 3 do
    local packed = redis.call('HGET', K .. 'reserved', ARGV[i])
    if packed then
        local was = cmsgpack.unpack(packed)
        redis.call('HDEL', K .. 'reserved', ARGV[i])
        draw_in(budget(was.tenant), was.windows, -was.tokens, -was.nanos, tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]))
        settled, freed[was.tenant] = settled + 1, true
    end
end
for name in pairs(freed) do
    if budget(name).needs > 0 then place(name) end
end
return answer({ settled = settled })
