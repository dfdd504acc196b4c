-- Give a free slot the job whose turn it is.
--
-- ARGV[2]  worker              ARGV[4]  lane of the permit that woke the slot; '' for none
-- ARGV[3]  lease, in ms        ARGV[5…] the lanes that the worker serves
-- answer   {lease: {job, tenant, lane, token} | false, permits: {lane: number}}

if ARGV[4] ~= '' then
    local state = lane(ARGV[4])
    state.live, state.repairs = math.max(0, state.live - 1), nil
end
local lease = claim(ARGV[2], tonumber(ARGV[3]), { unpack(ARGV, 5) })
return answer({ lease = lease })
