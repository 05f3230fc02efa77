-- A process ends, and takes its devices with it; a limited number at once.
-- ARGV: time, process, grace in ms, how many at once
-- Answers whether there are others. Should the process die meanwhile, they are buried.
call('ZREM', key('lease'), ARGV[2])
call('SADD', key('dying'), ARGV[2])
return bury(ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])) and 1 or 0
