-- What every script begins with.
--
-- KEYS[1]  what all keys of the namespace begin with; it has a hash tag, so that they are together in a Redis Cluster
-- ARGV[1]  the time in ms, in tests; '' for the clock of Redis, the only one that all processes share
--
-- lease            process → until when it is believed to be alive
-- dying            processes that are not, and still have devices
-- process:<name>   device → user
-- user:<user>      <process>:<device> → how many had arrived before it
-- online           users, including those within their grace
-- grace            user → when the grace ends
-- arrivals         how many devices have arrived
-- events           who has come online and gone offline, in order, each with the id of the event before it
-- clock            passed: when a process was here last; hold: until when nobody is thought dead

local call = redis.call

local function key(name)
  return KEYS[1] .. name
end

local now = tonumber(ARGV[1])
if not now then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Every process is here once a second. If none was for some time, it is Redis that was away. All of them get the time
-- to come back, then, before a lease or a grace is over.
local QUIET, HOLD = 3500, 10000
local clock = call('HMGET', key('clock'), 'passed', 'hold')
local passed, hold = tonumber(clock[1] or now), tonumber(clock[2] or 0)
if now - passed > QUIET then
  hold = now + HOLD
  call('HSET', key('clock'), 'hold', hold)
end
if now > passed or not clock[1] then
  call('HSET', key('clock'), 'passed', now)
end
local holding = now < hold

local newest
local function newest_event()
  if not newest then
    local event = call('XREVRANGE', key('events'), '+', '-', 'COUNT', 1)[1]
    newest = event and event[1] or '0-0'
  end
  return newest
end

local function tell(user, change)
  local after = newest_event()
  newest = call('XADD', key('events'), 'MAXLEN', '~', 100000, '*', change, user, 'after', after)
end

local function go_offline(user)
  if call('SREM', key('online'), user) == 1 then
    tell(user, 'off')
  end
end

-- A grace that is over ends here, whoever meets the user first: nothing depends on who comes by when.
local function end_grace(user)
  local ends = call('ZSCORE', key('grace'), user)
  if ends and tonumber(ends) <= now and not holding then
    call('ZREM', key('grace'), user)
    go_offline(user)
  end
end

local function add(process, device, user)
  end_grace(user)
  if call('HSETNX', key('process:' .. process), device, user) == 0 then
    return
  end
  call('ZADD', key('user:' .. user), call('INCR', key('arrivals')), process .. ':' .. device)
  call('ZREM', key('grace'), user)
  if call('SADD', key('online'), user) == 1 then
    tell(user, 'on')
  end
end

local function remove(process, device, user, grace)
  call('HDEL', key('process:' .. process), device)
  if call('ZREM', key('user:' .. user), process .. ':' .. device) == 0 then
    return
  end
  if call('EXISTS', key('user:' .. user)) == 1 then
    return
  end
  if grace > 0 then
    call('ZADD', key('grace'), now + grace, user)
  else
    go_offline(user)
  end
end

-- Removes some of the devices of a process that is no more. Answers whether it has others.
local function bury(process, grace, most)
  local devices = call('HRANDFIELD', key('process:' .. process), most, 'WITHVALUES')
  for index = 1, #devices, 2 do
    remove(process, devices[index], devices[index + 1], grace)
  end
  if call('EXISTS', key('process:' .. process)) == 1 then
    return true
  end
  call('SREM', key('dying'), process)
  return false
end
