-- What is not as docs/clickhouse.md says, a line each; no line: all is. For who
-- administers the server: it reads settings and names, of no table of Awase's the content.
SELECT wrong FROM
(
    SELECT concat('a log of the server is kept: system.', name) AS wrong
    FROM system.tables
    WHERE database = 'system' AND engine LIKE '%MergeTree'
    UNION ALL
    SELECT concat('a table is not on the encrypted disk: ', t.name)
    FROM system.tables AS t
    WHERE t.database = 'awase' AND t.storage_policy != 'awase'
    UNION ALL
    SELECT concat('a disk of the policy awase is not encrypted: ', disk)
    FROM (SELECT arrayJoin(disks) AS disk FROM system.storage_policies WHERE policy_name = 'awase')
    WHERE disk NOT IN (SELECT name FROM system.disks WHERE is_encrypted)
    UNION ALL
    SELECT 'tables are not on the policy awase by default'
    WHERE (SELECT value FROM system.merge_tree_settings WHERE name = 'storage_policy') != 'awase'
    UNION ALL
    SELECT 'there is no policy awase'
    WHERE (SELECT count() FROM system.storage_policies WHERE policy_name = 'awase') = 0
    UNION ALL
    SELECT 'there is no database awase'
    WHERE (SELECT count() FROM system.databases WHERE name = 'awase') = 0
    UNION ALL
    SELECT concat('an account besides awase and default: ', name)
    FROM system.users
    WHERE name NOT IN ('awase', 'default')
    UNION ALL
    SELECT 'there is no account awase'
    WHERE (SELECT count() FROM system.users WHERE name = 'awase') = 0
    UNION ALL
    SELECT concat('the account ', name, ' may come from anywhere')
    FROM system.users
    WHERE has(host_ip, '::/0') OR has(host_ip, '0.0.0.0/0') OR notEmpty(host_names_regexp) OR notEmpty(host_names_like)
    UNION ALL
    SELECT 'the account awase has another profile'
    WHERE (SELECT count() FROM system.settings_profile_elements WHERE user_name = 'awase' AND inherit_profile = 'awase') = 0
    UNION ALL
    SELECT concat('the profile awase leaves free what it fixes: ', needed)
    FROM (SELECT name AS needed FROM system.settings WHERE name IN ('log_queries', 'log_query_threads', 'log_query_views', 'log_processors_profiles') OR match(name, '^max_bytes_(ratio_)?before_external_'))
    WHERE needed NOT IN
    (
        SELECT setting_name FROM system.settings_profile_elements
        WHERE profile_name = 'awase' AND value IN ('0', 'false') AND writability = 'CONST'
    )
    UNION ALL
    SELECT concat('the account awase may more than it needs: ', toString(access_type), ' on ', ifNull(database, '*'), '.', ifNull(table, '*'))
    FROM system.grants
    WHERE user_name = 'awase' AND (grant_option OR NOT
    (
        ifNull(database, '') = 'awase' AND access_type IN ('SELECT', 'INSERT', 'CREATE TABLE', 'DROP TABLE', 'OPTIMIZE', 'ALTER MODIFY COMMENT')
        OR access_type = 'TABLE ENGINE' AND ifNull(access_object, '') = 'MergeTree'
    ))
)
