-- A list of a topic's titles is one range of this index, and reads no book.
DROP INDEX books_by_topic;
CREATE INDEX books_by_topic ON books (topic_key, book_id, title);

-- How many books each spelling of a topic has, kept by the triggers below.
CREATE TABLE topics (
    topic_key TEXT NOT NULL,
    topic TEXT NOT NULL,
    books INTEGER NOT NULL CONSTRAINT topics_books_not_negative CHECK (books >= 0),
    PRIMARY KEY (topic_key, topic)
) STRICT, WITHOUT ROWID;

INSERT INTO topics (topic_key, topic, books)
SELECT topic_key, topic, count(*) FROM books
GROUP BY topic_key, topic;

CREATE TRIGGER topics_insert AFTER INSERT ON books
BEGIN
    INSERT INTO topics (topic_key, topic, books) VALUES (new.topic_key, new.topic, 1)
    ON CONFLICT (topic_key, topic) DO UPDATE SET books = books + 1;
END;

CREATE TRIGGER topics_update AFTER UPDATE OF topic_key, topic ON books
WHEN old.topic_key <> new.topic_key OR old.topic <> new.topic
BEGIN
    UPDATE topics SET books = books - 1
    WHERE topic_key = old.topic_key AND topic = old.topic;
    DELETE FROM topics
    WHERE topic_key = old.topic_key AND topic = old.topic AND books = 0;
    INSERT INTO topics (topic_key, topic, books) VALUES (new.topic_key, new.topic, 1)
    ON CONFLICT (topic_key, topic) DO UPDATE SET books = books + 1;
END;

CREATE TRIGGER topics_delete AFTER DELETE ON books
BEGIN
    UPDATE topics SET books = books - 1
    WHERE topic_key = old.topic_key AND topic = old.topic;
    DELETE FROM topics
    WHERE topic_key = old.topic_key AND topic = old.topic AND books = 0;
END;
