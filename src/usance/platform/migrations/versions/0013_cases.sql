CREATE TABLE case_file (
    cell smallint NOT NULL,
    borrower_id bigint NOT NULL,
    case_id bigint NOT NULL,
    kind smallint DEFAULT 0 NOT NULL,
    state smallint DEFAULT 1 NOT NULL,
    channel smallint DEFAULT 0 NOT NULL,
    jurisdiction text NOT NULL,
    subject smallint DEFAULT 0 NOT NULL,
    subject_id bigint DEFAULT 0 NOT NULL,
    subject_number integer DEFAULT 0 NOT NULL,
    data_key bytea DEFAULT '' NOT NULL,
    text bytea DEFAULT '' NOT NULL,
    opened_by text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    rule jsonb NOT NULL,
    received_on date NOT NULL,
    acknowledge_by date NOT NULL,
    acknowledged_on date,
    decide_by date NOT NULL,
    decided_on date,
    ended_on date,
    extensions smallint DEFAULT 0 NOT NULL,
    reopened smallint DEFAULT 0 NOT NULL,
    acknowledged_late boolean DEFAULT false NOT NULL,
    decided_late boolean DEFAULT false NOT NULL,
    assignee bigint DEFAULT 0 NOT NULL,
    result smallint DEFAULT 0 NOT NULL,
    outcome smallint DEFAULT 0 NOT NULL,
    events integer DEFAULT 0 NOT NULL,
    messages integer DEFAULT 0 NOT NULL,
    outcomes smallint DEFAULT 0 NOT NULL,
    attachments smallint DEFAULT 0 NOT NULL,
    attached_bytes integer DEFAULT 0 NOT NULL,
    PRIMARY KEY (cell, borrower_id, case_id)
);
CREATE INDEX case_file_decided ON case_file (decided_on) WHERE state = 3;
CREATE INDEX case_file_id ON case_file (case_id);
CREATE INDEX case_file_open ON case_file (decide_by) WHERE state IN (1, 2);
CREATE INDEX case_file_subject ON case_file (subject, subject_id);
CREATE TABLE case_event (
    cell smallint NOT NULL,
    borrower_id bigint NOT NULL,
    case_id bigint NOT NULL,
    number integer NOT NULL,
    kind text NOT NULL,
    actor text NOT NULL,
    detail jsonb NOT NULL,
    operation_id bigint DEFAULT 0 NOT NULL,
    at timestamp with time zone NOT NULL,
    PRIMARY KEY (cell, borrower_id, case_id, number)
);
CREATE INDEX case_event_operation ON case_event (operation_id);
CREATE TABLE case_message (
    cell smallint NOT NULL,
    borrower_id bigint NOT NULL,
    message_id bigint NOT NULL,
    case_id bigint DEFAULT 0 NOT NULL,
    number integer DEFAULT 0 NOT NULL,
    way smallint DEFAULT 0 NOT NULL,
    actor text NOT NULL,
    text bytea DEFAULT '' NOT NULL,
    operation_id bigint DEFAULT 0 NOT NULL,
    at timestamp with time zone NOT NULL,
    PRIMARY KEY (cell, borrower_id, message_id)
);
CREATE UNIQUE INDEX case_message_case ON case_message (cell, borrower_id, case_id, number);
CREATE TABLE case_attachment (
    cell smallint NOT NULL,
    borrower_id bigint NOT NULL,
    attachment_id bigint NOT NULL,
    case_id bigint DEFAULT 0 NOT NULL,
    number smallint DEFAULT 0 NOT NULL,
    way smallint DEFAULT 0 NOT NULL,
    actor text NOT NULL,
    media_type text NOT NULL,
    size integer DEFAULT 0 NOT NULL,
    name bytea DEFAULT '' NOT NULL,
    content bytea DEFAULT '' NOT NULL,
    operation_id bigint DEFAULT 0 NOT NULL,
    at timestamp with time zone NOT NULL,
    PRIMARY KEY (cell, borrower_id, attachment_id)
);
CREATE UNIQUE INDEX case_attachment_case ON case_attachment (cell, borrower_id, case_id, number);
CREATE TABLE case_outcome (
    cell smallint NOT NULL,
    borrower_id bigint NOT NULL,
    outcome_id bigint NOT NULL,
    case_id bigint DEFAULT 0 NOT NULL,
    number smallint DEFAULT 0 NOT NULL,
    state smallint DEFAULT 1 NOT NULL,
    result smallint DEFAULT 0 NOT NULL,
    reasons bytea DEFAULT '' NOT NULL,
    remedy jsonb NOT NULL,
    value bytea DEFAULT '' NOT NULL,
    note bytea DEFAULT '' NOT NULL,
    proposed_by text NOT NULL,
    proposed_at timestamp with time zone NOT NULL,
    decided_by text DEFAULT '' NOT NULL,
    decided_at timestamp with time zone,
    waits_for text DEFAULT '' NOT NULL,
    refused_by text DEFAULT '' NOT NULL,
    operation_id bigint DEFAULT 0 NOT NULL,
    PRIMARY KEY (cell, borrower_id, outcome_id)
);
CREATE UNIQUE INDEX case_outcome_case ON case_outcome (cell, borrower_id, case_id, number);
CREATE INDEX case_outcome_operation ON case_outcome (operation_id) WHERE operation_id > 0;
CREATE INDEX case_outcome_under_way ON case_outcome (decided_at) WHERE state IN (3, 4);
