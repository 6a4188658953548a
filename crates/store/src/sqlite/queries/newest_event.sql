SELECT at
FROM events
WHERE change > (SELECT max(last.change) - ?1 FROM events AS last)
