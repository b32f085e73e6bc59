-- an upload whose file is whole and on disk
UPDATE upload SET state = 'complete', completed = ? WHERE id = ? AND state = 'open'
