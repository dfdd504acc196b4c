-- Rebuild only: what a tenant has drawn in its windows so far.
--
-- ARGV[2]  tenant              ARGV[3…] window id, tokens, nanos; window id, tokens, nanos …
-- answer   {permits: {}}

for i = 3, #ARGV, 3 do
    local window = window_of(budget(ARGV[2]), ARGV[i])
    window.tokens, window.nanos = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
end
return answer({})
