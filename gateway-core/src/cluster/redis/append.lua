-- Appends a batch to the log, and sets the process' mark with it, unless the mark is not what the process believes. A
-- script is done at one moment, and no batch that comes through late is done a second time.
--
-- KEYS  the mark, and the log's streams
-- ARGV  the mark as it is believed to be, or ''; the mark to be set, and how many seconds it is kept;
--       about how many entries a stream keeps; the process;
--       and for each entry its stream, namespace, type, data, number, and how many before it were given up
-- Answers the mark.
local call = redis.call

local mark = call('GET', KEYS[1])
if (mark or '') ~= ARGV[1] then
  return mark
end
for at = 6, #ARGV, 6 do
  local after = ARGV[at + 5] ~= '0' and { 'after', ARGV[at + 5] } or {}
  call('XADD', KEYS[tonumber(ARGV[at]) + 2], 'MAXLEN', '~', ARGV[4], '*', 'uid', ARGV[5], 'nsp', ARGV[at + 1],
    'type', ARGV[at + 2], 'data', ARGV[at + 3], 'n', ARGV[at + 4], unpack(after))
end
call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return ARGV[2]
