-- A process is alive. It also buries those that are not, and ends graces; a limited number at once.
-- ARGV: time, process, lease in ms, grace in ms, how many at once, the last event that the process knows
-- Answers: whether the process is believed to be alive; how many devices it has; whether the event still exists; whether
-- there is more to do at once; in how many ms the next grace ends, or -1.
local process, lease, grace, most, known = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]

-- One whose lease is over, which nobody has noticed, is alive after all.
local alive = call('ZSCORE', key('lease'), process) and 1 or 0
if alive == 1 then
  call('ZADD', key('lease'), now + lease, process)
end

local more = 0
if not holding then
  for _, late in ipairs(call('ZRANGEBYSCORE', key('lease'), '-inf', now, 'LIMIT', 0, 8)) do
    call('ZREM', key('lease'), late)
    call('SADD', key('dying'), late)
  end
  local over = call('ZRANGEBYSCORE', key('grace'), '-inf', now, 'LIMIT', 0, most)
  for _, user in ipairs(over) do
    end_grace(user)
  end
  if #over == most then
    more = 1
  end
end
for _, dead in ipairs(call('SRANDMEMBER', key('dying'), 8)) do
  if bury(dead, grace, most) then
    more = 1
  end
end

local exists = known == '0-0' or #call('XRANGE', key('events'), known, known) == 1
local next_grace = call('ZRANGE', key('grace'), 0, 0, 'WITHSCORES')[2]
local wait = next_grace and math.max(0, math.max(tonumber(next_grace), hold) - now) or -1
return { alive, call('HLEN', key('process:' .. process)), exists and 1 or 0, more, wait }
