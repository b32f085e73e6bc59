-- keeps what was answered under a key
UPDATE call SET status = ?, header = ?, body = ? WHERE person = ? AND key = ? AND status = 0
