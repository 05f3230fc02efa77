-- A process begins, under a name that nobody has had.
-- ARGV: time, process, lease in ms
call('ZADD', key('lease'), now + ARGV[3], ARGV[2])
