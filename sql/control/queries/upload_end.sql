-- ends an upload of one state in another; its file goes after that
UPDATE upload SET state = @to, ended = @at WHERE id = @id AND state = @from
