-- the names of all files of tables, for who removes those of none; nobody sees them
SELECT DISTINCT digest FROM report
