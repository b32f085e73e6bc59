-- the conversions of each cluster on this shard that count, those of one day in one, and
-- the touches that each takes, by day: clicks, or where there is none, impressions; it
-- stays on the server
SELECT id, times, if(notEmpty(clicks), clicks, views) AS used
FROM (
    SELECT id, tupleElement(conversion, 2) AS times,
        arrayFilter(e -> e.1 <= tupleElement(conversion, 1) AND e.1 > tupleElement(conversion, 1) - {click} AND {isclick}, touches) AS clicks,
        arrayFilter(e -> e.1 <= tupleElement(conversion, 1) AND e.1 > tupleElement(conversion, 1) - {view} AND NOT {isclick}, touches) AS views
    FROM (
        SELECT id, arrayFilter(e -> e.2 < {none}, events) AS touches, arrayFilter(e -> e.2 = {none}, events) AS converted,
            arrayMap((e, upto) -> (e.1, greatest(toInt64(0), least(e.3, {most} - (upto - e.3)))), converted, arrayCumSum(e -> e.3, converted)) AS conversions
        FROM (
            SELECT id, arraySort(groupArray((day, touch, n))) AS events
            FROM (SELECT id, day, touch, toInt64(least(count(), {same})) AS n FROM ({touches})
                WHERE id IN (SELECT id FROM ({converted})) GROUP BY id, day, touch)
            GROUP BY id
        )
    )
    ARRAY JOIN conversions AS conversion
    WHERE times > 0
)
