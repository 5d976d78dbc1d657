BEGIN TRANSACTION;
CREATE TABLE classes(
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    time TEXT NOT NULL,
    class INTEGER NOT NULL,
    name TEXT NOT NULL,
    colour TEXT,
    key INTEGER,
    removed INTEGER NOT NULL DEFAULT 0
);
INSERT INTO "classes" VALUES(1,'2026-11-26T10:37:05.385+00:00',1,'unsure',NULL,NULL,0);
INSERT INTO "classes" VALUES(2,'2026-11-26T10:37:05.385+00:00',2,'exclude',NULL,NULL,0);
INSERT INTO "classes" VALUES(3,'2026-11-26T10:37:05.389+00:00',3,'A','#0072b2',1,0);
INSERT INTO "classes" VALUES(4,'2026-11-26T10:37:05.421+00:00',4,'B',NULL,2,0);
INSERT INTO "classes" VALUES(5,'2026-11-26T10:37:05.553+00:00',3,'Alpha','#0072b2',1,0);
CREATE TABLE events(
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    time TEXT NOT NULL,
    action INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('label', 'undo', 'redo')),
    cell TEXT,
    class INTEGER,
    origin TEXT,
    annotator TEXT NOT NULL DEFAULT '',
    picked TEXT,
    undo_of INTEGER
);
INSERT INTO "events" VALUES(1,'2026-11-26T10:37:05.449+00:00',1,'label','0000000000000001',3,'hand','Ada','hand',NULL);
INSERT INTO "events" VALUES(2,'2026-11-26T10:37:05.481+00:00',2,'label','0000000000000002',4,'bulk','','bulk',NULL);
INSERT INTO "events" VALUES(3,'2026-11-26T10:37:05.481+00:00',2,'label','0000000000000003',4,'bulk','','bulk',NULL);
INSERT INTO "events" VALUES(4,'2026-11-26T10:37:05.485+00:00',3,'label','0000000000000004',1,'hand','','hand',NULL);
INSERT INTO "events" VALUES(5,'2026-11-26T10:37:05.508+00:00',4,'label','0000000000000001',4,'hand','','hand',NULL);
INSERT INTO "events" VALUES(6,'2026-11-26T10:37:05.530+00:00',5,'undo',NULL,NULL,NULL,'',NULL,4);
INSERT INTO "events" VALUES(7,'2026-11-26T10:37:05.534+00:00',6,'label','0000000000000005',3,'hand','Ada','hand',NULL);
INSERT INTO "events" VALUES(8,'2026-11-26T10:37:05.534+00:00',6,'label','0000000000000006',3,'hand','Ada','hand',NULL);
INSERT INTO "events" VALUES(9,'2026-11-26T10:37:05.534+00:00',6,'label','0000000000000007',3,'hand','Ada','hand',NULL);
INSERT INTO "events" VALUES(10,'2026-11-26T10:37:05.534+00:00',6,'label','0000000000000008',3,'hand','Ada','hand',NULL);
CREATE TABLE set_aside(cell TEXT PRIMARY KEY, tests INTEGER NOT NULL, event INTEGER NOT NULL);
INSERT INTO "set_aside" VALUES('0000000000000001',0,1);
INSERT INTO "set_aside" VALUES('0000000000000002',0,2);
INSERT INTO "set_aside" VALUES('0000000000000003',0,3);
INSERT INTO "set_aside" VALUES('0000000000000004',1,4);
INSERT INTO "set_aside" VALUES('0000000000000005',0,7);
INSERT INTO "set_aside" VALUES('0000000000000006',0,8);
INSERT INTO "set_aside" VALUES('0000000000000007',0,9);
INSERT INTO "set_aside" VALUES('0000000000000008',0,10);
CREATE INDEX events_by_cell ON events(cell);
CREATE VIEW current_classes AS
    SELECT class, name, colour, key, removed, max(number) AS number FROM classes GROUP BY class;
CREATE VIEW undone_actions AS
    SELECT undo_of AS action FROM events AS undo WHERE kind = 'undo'
    AND NOT EXISTS (SELECT 1 FROM events AS redo WHERE redo.kind = 'redo' AND redo.undo_of = undo.action);
CREATE VIEW current_labels AS
    SELECT cell, current_classes.name AS class, origin, annotator, picked, time, tests FROM (
        SELECT cell, class, origin, annotator, picked, time, max(number) FROM events
        WHERE kind = 'label' AND action NOT IN (SELECT action FROM undone_actions) GROUP BY cell
    ) AS last JOIN current_classes USING (class) JOIN set_aside USING (cell)
    WHERE NOT current_classes.removed;
CREATE TRIGGER classes_UPDATE BEFORE UPDATE ON classes
BEGIN SELECT raise(ABORT, 'the label log is only added to'); END;
CREATE TRIGGER classes_DELETE BEFORE DELETE ON classes
BEGIN SELECT raise(ABORT, 'the label log is only added to'); END;
CREATE TRIGGER events_UPDATE BEFORE UPDATE ON events
BEGIN SELECT raise(ABORT, 'the label log is only added to'); END;
CREATE TRIGGER events_DELETE BEFORE DELETE ON events
BEGIN SELECT raise(ABORT, 'the label log is only added to'); END;
CREATE TRIGGER set_aside_UPDATE BEFORE UPDATE ON set_aside
BEGIN SELECT raise(ABORT, 'the label log is only added to'); END;
CREATE TRIGGER set_aside_DELETE BEFORE DELETE ON set_aside
BEGIN SELECT raise(ABORT, 'the label log is only added to'); END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('classes',5);
INSERT INTO "sqlite_sequence" VALUES('events',10);
PRAGMA application_id = 1396788295;
PRAGMA user_version = 1;
COMMIT;
