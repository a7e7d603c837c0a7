BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE announcements (
	id VARCHAR(16) NOT NULL, 
	contest_id VARCHAR(16) NOT NULL, 
	author_id VARCHAR(16) NOT NULL, 
	text TEXT NOT NULL, 
	created_at DOUBLE NOT NULL, 
	CONSTRAINT pk_announcements PRIMARY KEY (id), 
	CONSTRAINT fk_announcements_author_id FOREIGN KEY(author_id) REFERENCES users (id), 
	CONSTRAINT fk_announcements_contest_id FOREIGN KEY(contest_id) REFERENCES contests (id)
);
INSERT INTO "announcements" VALUES('a3edac224f710105','4ca3201bb5f3db8c','fa0c15202bdc3293','Welcome, 你好',3.0);
CREATE TABLE audit_events (
	sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	at DOUBLE NOT NULL, 
	actor_id VARCHAR(16), 
	action VARCHAR(200) NOT NULL, 
	target VARCHAR(200) NOT NULL, 
	detail JSON NOT NULL, 
	address VARCHAR(64) NOT NULL
);
INSERT INTO "audit_events" VALUES(1,13.0,'fa0c15202bdc3293','look','all','{"n": [1]}','127.0.0.1');
CREATE TABLE contest_roles (
	contest_id VARCHAR(16) NOT NULL, 
	user_id VARCHAR(16) NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	CONSTRAINT pk_contest_roles PRIMARY KEY (contest_id, user_id), 
	CONSTRAINT fk_contest_roles_contest_id FOREIGN KEY(contest_id) REFERENCES contests (id), 
	CONSTRAINT fk_contest_roles_user_id FOREIGN KEY(user_id) REFERENCES users (id)
);
INSERT INTO "contest_roles" VALUES('4ca3201bb5f3db8c','fa0c15202bdc3293','organiser');
CREATE TABLE contests (
	id VARCHAR(16) NOT NULL, 
	slug VARCHAR(200) NOT NULL, 
	title VARCHAR(400) NOT NULL, 
	owner_id VARCHAR(16) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	bundle JSON NOT NULL, 
	bundle_files TEXT NOT NULL, 
	bundle_hash VARCHAR(64) NOT NULL, 
	created_at DOUBLE NOT NULL, 
	opened_at DOUBLE, 
	closed_at DOUBLE, 
	submission_count INTEGER NOT NULL, 
	log_count INTEGER NOT NULL, 
	log_hash VARCHAR(64) NOT NULL, 
	board_version INTEGER NOT NULL, 
	CONSTRAINT pk_contests PRIMARY KEY (id), 
	CONSTRAINT fk_contests_owner_id FOREIGN KEY(owner_id) REFERENCES users (id), 
	CONSTRAINT uq_contests_slug UNIQUE (slug)
);
INSERT INTO "contests" VALUES('4ca3201bb5f3db8c','contest0','A test','fa0c15202bdc3293','open','{"slug": "test", "title": "A test", "phases": [{"name": "development", "start": 1795345415.0944207, "end": 1795352615.0944207, "title": "", "quota": {"per_day": 5, "total": 50, "concurrent": 2}, "board": "public", "final_selection": "best", "chosen_limit": 1}], "metrics": [{"name": "artfid@efficientnet_lite0", "weight": 1.0, "better": "lower"}], "pairs": [{"index": 0, "content": "content0.png", "style": "style0.png", "split": "public"}, {"index": 1, "content": "content1.png", "style": "style1.png", "split": "private"}, {"index": 2, "content": "content2.png", "style": "style2.png", "split": "public"}, {"index": 3, "content": "content3.png", "style": "style3.png", "split": "private"}], "description": {}, "rules": {}, "content_folder": "content", "style_folder": "style", "size": 192, "kind": "results", "models": "off", "maximum_megabytes": 200, "ranking": "weighted", "maximum_members": 5, "voting": true, "votes_per_hour": 200, "private_share": 0.5, "split_seed": 0, "version": 1}','contests/none','',1.79534901509471249577e+09,1.79534901513564109799e+09,NULL,6,6,'c0c0852c4105e92ac30ca02217f066fe9bc2dfde0fd9e441fd310cbd0200ff0f',7);
CREATE TABLE entry_reports (
	id VARCHAR(16) NOT NULL, 
	submission_id VARCHAR(16) NOT NULL, 
	user_id VARCHAR(16) NOT NULL, 
	reason TEXT NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	created_at DOUBLE NOT NULL, 
	handled_by VARCHAR(16), 
	CONSTRAINT pk_entry_reports PRIMARY KEY (id), 
	CONSTRAINT fk_entry_reports_submission_id FOREIGN KEY(submission_id) REFERENCES submissions (id), 
	CONSTRAINT fk_entry_reports_user_id FOREIGN KEY(user_id) REFERENCES users (id)
);
INSERT INTO "entry_reports" VALUES('97080a95351b9cda','202db11b5c5b38c1','fa0c15202bdc3293','ugly','open',12.0,NULL);
CREATE TABLE invitations (
	id VARCHAR(16) NOT NULL, 
	team_id VARCHAR(16) NOT NULL, 
	token_hash VARCHAR(64) NOT NULL, 
	created_by VARCHAR(16) NOT NULL, 
	created_at DOUBLE NOT NULL, 
	expires_at DOUBLE NOT NULL, 
	used_by VARCHAR(16), 
	CONSTRAINT pk_invitations PRIMARY KEY (id), 
	CONSTRAINT fk_invitations_team_id FOREIGN KEY(team_id) REFERENCES teams (id), 
	CONSTRAINT uq_invitations_token_hash UNIQUE (token_hash)
);
INSERT INTO "invitations" VALUES('be7c31fdfa397891','3a4708fea3a0749b','hash of an invitation','3157ecaeaf21dc31',4.0,4000000000.0,NULL);
CREATE TABLE log_entries (
	contest_id VARCHAR(16) NOT NULL, 
	sequence INTEGER NOT NULL, 
	at DOUBLE NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	submission_id VARCHAR(16), 
	payload JSON NOT NULL, 
	previous_hash VARCHAR(64) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_log_entries PRIMARY KEY (contest_id, sequence), 
	CONSTRAINT fk_log_entries_contest_id FOREIGN KEY(contest_id) REFERENCES contests (id)
);
INSERT INTO "log_entries" VALUES('4ca3201bb5f3db8c',1,1.79534901535112380983e+09,'scored','202db11b5c5b38c1','{"number": 1, "team_id": "3a4708fea3a0749b", "phase": "development", "archive_sha256": "0000000000000000000000000000000000000000000000000000000000000000", "evaluator_hash": "evaluator", "is_final": false, "is_hidden": false, "public": {"scores": {"score": [3.0, 2.75, 3.25], "artfid@efficientnet_lite0": [3.0, 2.75, 3.25]}}, "private": {"scores": {"score": [6.0, 5.75, 6.25], "artfid@efficientnet_lite0": [6.0, 5.75, 6.25]}, "salt": "f2de816faf04ed9db857cce1701a7f57"}}','','cbb051e5117716bcd5d9fdc451db84dae1c5f8ddfac0fa1024f1b76ffd038a09');
INSERT INTO "log_entries" VALUES('4ca3201bb5f3db8c',2,1.79534901556655311586e+09,'scored','124b7cf4a4995ac1','{"number": 2, "team_id": "5fc9bd0a694604bc", "phase": "development", "archive_sha256": "0000000000000000000000000000000000000000000000000000000000000000", "evaluator_hash": "evaluator", "is_final": false, "is_hidden": false, "public": {"scores": {"score": [2.0, 1.75, 2.25], "artfid@efficientnet_lite0": [2.0, 1.75, 2.25]}}, "private": {"scores": {"score": [4.0, 3.75, 4.25], "artfid@efficientnet_lite0": [4.0, 3.75, 4.25]}, "salt": "4fbf74b26f7c921db444906148d0efb6"}}','cbb051e5117716bcd5d9fdc451db84dae1c5f8ddfac0fa1024f1b76ffd038a09','bb385884384ba8f81300aea5da56802e9f2a44ab290172ea91e10e8acfa1fe00');
INSERT INTO "log_entries" VALUES('4ca3201bb5f3db8c',3,1.79534901573642778401e+09,'scored','f485a41dfed8ddcb','{"number": 3, "team_id": "3a4708fea3a0749b", "phase": "development", "archive_sha256": "0000000000000000000000000000000000000000000000000000000000000000", "evaluator_hash": "evaluator", "is_final": false, "is_hidden": false, "public": {"scores": {"score": [1.0, 0.75, 1.25], "artfid@efficientnet_lite0": [1.0, 0.75, 1.25]}}, "private": {"scores": {"score": [2.0, 1.75, 2.25], "artfid@efficientnet_lite0": [2.0, 1.75, 2.25]}, "salt": "e6a0572615b0bbf8d4f49605f43d44fd"}}','bb385884384ba8f81300aea5da56802e9f2a44ab290172ea91e10e8acfa1fe00','c5a417383805a57afc356746cbc3628f590a590119a62f9a13f7918d2a28f9dc');
INSERT INTO "log_entries" VALUES('4ca3201bb5f3db8c',4,1.79534901583259105684e+09,'scored','0a30833b4dc9d7f3','{"number": 4, "team_id": "5fc9bd0a694604bc", "phase": "development", "archive_sha256": "0000000000000000000000000000000000000000000000000000000000000000", "evaluator_hash": "evaluator", "is_final": false, "is_hidden": false, "public": {"scores": {"score": [0.5, 0.25, 0.75], "artfid@efficientnet_lite0": [0.5, 0.25, 0.75]}}, "private": {"scores": {"score": [1.0, 0.75, 1.25], "artfid@efficientnet_lite0": [1.0, 0.75, 1.25]}, "salt": "0e5205b673a4167ffb8d547481ee4206"}}','c5a417383805a57afc356746cbc3628f590a590119a62f9a13f7918d2a28f9dc','e924e708f1fa286aa1aa8d3827ad20afd73025a48cbade93677f3bfb7cc16961');
INSERT INTO "log_entries" VALUES('4ca3201bb5f3db8c',5,5.0,'disqualified','0a30833b4dc9d7f3','{"reason": "copied", "actor": "fa0c15202bdc3293"}','e924e708f1fa286aa1aa8d3827ad20afd73025a48cbade93677f3bfb7cc16961','cbcc1bc0edec6175d387553540c3714e510c908dd1f4eb0c96fc3509785bc6d8');
INSERT INTO "log_entries" VALUES('4ca3201bb5f3db8c',6,8.0,'failed','094d4561db2a24d0','{"number": 5, "team_id": "3a4708fea3a0749b", "phase": "development"}','cbcc1bc0edec6175d387553540c3714e510c908dd1f4eb0c96fc3509785bc6d8','c0c0852c4105e92ac30ca02217f066fe9bc2dfde0fd9e441fd310cbd0200ff0f');
CREATE TABLE memberships (
	contest_id VARCHAR(16) NOT NULL, 
	user_id VARCHAR(16) NOT NULL, 
	team_id VARCHAR(16) NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	joined_at DOUBLE NOT NULL, 
	CONSTRAINT pk_memberships PRIMARY KEY (contest_id, user_id), 
	CONSTRAINT fk_memberships_contest_id FOREIGN KEY(contest_id) REFERENCES contests (id), 
	CONSTRAINT fk_memberships_team_id FOREIGN KEY(team_id) REFERENCES teams (id), 
	CONSTRAINT fk_memberships_user_id FOREIGN KEY(user_id) REFERENCES users (id)
);
INSERT INTO "memberships" VALUES('4ca3201bb5f3db8c','3157ecaeaf21dc31','3a4708fea3a0749b','leader',1.7953490151661143303e+09);
INSERT INTO "memberships" VALUES('4ca3201bb5f3db8c','4969378cc8eac3d8','5fc9bd0a694604bc','leader',1.7953490152222914695e+09);
CREATE TABLE pair_scores (
	submission_id VARCHAR(16) NOT NULL, 
	pair INTEGER NOT NULL, 
	split VARCHAR(16) NOT NULL, 
	metrics JSON NOT NULL, 
	output_key TEXT NOT NULL, 
	heat_map_key TEXT, 
	CONSTRAINT pk_pair_scores PRIMARY KEY (submission_id, pair), 
	CONSTRAINT fk_pair_scores_submission_id FOREIGN KEY(submission_id) REFERENCES submissions (id)
);
INSERT INTO "pair_scores" VALUES('202db11b5c5b38c1',0,'public','{"artfid@efficientnet_lite0": 3.0}','submissions/none/0.png',NULL);
INSERT INTO "pair_scores" VALUES('202db11b5c5b38c1',1,'private','{"artfid@efficientnet_lite0": 6.0}','submissions/none/1.png',NULL);
INSERT INTO "pair_scores" VALUES('202db11b5c5b38c1',2,'public','{"artfid@efficientnet_lite0": 3.0}','submissions/none/2.png',NULL);
INSERT INTO "pair_scores" VALUES('202db11b5c5b38c1',3,'private','{"artfid@efficientnet_lite0": 6.0}','submissions/none/3.png',NULL);
INSERT INTO "pair_scores" VALUES('124b7cf4a4995ac1',0,'public','{"artfid@efficientnet_lite0": 2.0}','submissions/none/0.png',NULL);
INSERT INTO "pair_scores" VALUES('124b7cf4a4995ac1',1,'private','{"artfid@efficientnet_lite0": 4.0}','submissions/none/1.png',NULL);
INSERT INTO "pair_scores" VALUES('124b7cf4a4995ac1',2,'public','{"artfid@efficientnet_lite0": 2.0}','submissions/none/2.png',NULL);
INSERT INTO "pair_scores" VALUES('124b7cf4a4995ac1',3,'private','{"artfid@efficientnet_lite0": 4.0}','submissions/none/3.png',NULL);
INSERT INTO "pair_scores" VALUES('f485a41dfed8ddcb',0,'public','{"artfid@efficientnet_lite0": 1.0}','submissions/none/0.png',NULL);
INSERT INTO "pair_scores" VALUES('f485a41dfed8ddcb',1,'private','{"artfid@efficientnet_lite0": 2.0}','submissions/none/1.png',NULL);
INSERT INTO "pair_scores" VALUES('f485a41dfed8ddcb',2,'public','{"artfid@efficientnet_lite0": 1.0}','submissions/none/2.png',NULL);
INSERT INTO "pair_scores" VALUES('f485a41dfed8ddcb',3,'private','{"artfid@efficientnet_lite0": 2.0}','submissions/none/3.png',NULL);
INSERT INTO "pair_scores" VALUES('0a30833b4dc9d7f3',0,'public','{"artfid@efficientnet_lite0": 0.5}','submissions/none/0.png',NULL);
INSERT INTO "pair_scores" VALUES('0a30833b4dc9d7f3',1,'private','{"artfid@efficientnet_lite0": 1.0}','submissions/none/1.png',NULL);
INSERT INTO "pair_scores" VALUES('0a30833b4dc9d7f3',2,'public','{"artfid@efficientnet_lite0": 0.5}','submissions/none/2.png',NULL);
INSERT INTO "pair_scores" VALUES('0a30833b4dc9d7f3',3,'private','{"artfid@efficientnet_lite0": 1.0}','submissions/none/3.png',NULL);
CREATE TABLE scores (
	submission_id VARCHAR(16) NOT NULL, 
	split VARCHAR(16) NOT NULL, 
	metric VARCHAR(200) NOT NULL, 
	value DOUBLE NOT NULL, 
	low DOUBLE, 
	high DOUBLE, 
	CONSTRAINT pk_scores PRIMARY KEY (submission_id, split, metric), 
	CONSTRAINT fk_scores_submission_id FOREIGN KEY(submission_id) REFERENCES submissions (id)
);
INSERT INTO "scores" VALUES('202db11b5c5b38c1','public','score',3.0,2.75,3.25);
INSERT INTO "scores" VALUES('202db11b5c5b38c1','public','artfid@efficientnet_lite0',3.0,2.75,3.25);
INSERT INTO "scores" VALUES('202db11b5c5b38c1','private','score',6.0,5.75,6.25);
INSERT INTO "scores" VALUES('202db11b5c5b38c1','private','artfid@efficientnet_lite0',6.0,5.75,6.25);
INSERT INTO "scores" VALUES('124b7cf4a4995ac1','public','score',2.0,1.75,2.25);
INSERT INTO "scores" VALUES('124b7cf4a4995ac1','public','artfid@efficientnet_lite0',2.0,1.75,2.25);
INSERT INTO "scores" VALUES('124b7cf4a4995ac1','private','score',4.0,3.75,4.25);
INSERT INTO "scores" VALUES('124b7cf4a4995ac1','private','artfid@efficientnet_lite0',4.0,3.75,4.25);
INSERT INTO "scores" VALUES('f485a41dfed8ddcb','public','score',1.0,0.75,1.25);
INSERT INTO "scores" VALUES('f485a41dfed8ddcb','public','artfid@efficientnet_lite0',1.0,0.75,1.25);
INSERT INTO "scores" VALUES('f485a41dfed8ddcb','private','score',2.0,1.75,2.25);
INSERT INTO "scores" VALUES('f485a41dfed8ddcb','private','artfid@efficientnet_lite0',2.0,1.75,2.25);
INSERT INTO "scores" VALUES('0a30833b4dc9d7f3','public','score',0.5,0.25,0.75);
INSERT INTO "scores" VALUES('0a30833b4dc9d7f3','public','artfid@efficientnet_lite0',0.5,0.25,0.75);
INSERT INTO "scores" VALUES('0a30833b4dc9d7f3','private','score',1.0,0.75,1.25);
INSERT INTO "scores" VALUES('0a30833b4dc9d7f3','private','artfid@efficientnet_lite0',1.0,0.75,1.25);
CREATE TABLE sessions (
	id VARCHAR(64) NOT NULL, 
	user_id VARCHAR(16) NOT NULL, 
	csrf VARCHAR(64) NOT NULL, 
	created_at DOUBLE NOT NULL, 
	expires_at DOUBLE NOT NULL, 
	user_agent VARCHAR(400) NOT NULL, 
	CONSTRAINT pk_sessions PRIMARY KEY (id), 
	CONSTRAINT fk_sessions_user_id FOREIGN KEY(user_id) REFERENCES users (id)
);
INSERT INTO "sessions" VALUES('session','fa0c15202bdc3293','csrf',1.0,4000000000.0,'Firefox');
CREATE TABLE standings (
	contest_id VARCHAR(16) NOT NULL, 
	phase VARCHAR(200) NOT NULL, 
	split VARCHAR(16) NOT NULL, 
	team_id VARCHAR(16) NOT NULL, 
	submission_id VARCHAR(16) NOT NULL, 
	number INTEGER NOT NULL, 
	entries INTEGER NOT NULL, 
	scores JSON NOT NULL, 
	updated_at DOUBLE NOT NULL, 
	CONSTRAINT pk_standings PRIMARY KEY (contest_id, phase, split, team_id), 
	CONSTRAINT fk_standings_contest_id FOREIGN KEY(contest_id) REFERENCES contests (id), 
	CONSTRAINT fk_standings_submission_id FOREIGN KEY(submission_id) REFERENCES submissions (id), 
	CONSTRAINT fk_standings_team_id FOREIGN KEY(team_id) REFERENCES teams (id)
);
INSERT INTO "standings" VALUES('4ca3201bb5f3db8c','development','public','3a4708fea3a0749b','f485a41dfed8ddcb',3,2,'{"artfid@efficientnet_lite0": [1.0, 0.75, 1.25], "score": [1.0, 0.75, 1.25]}',1.79534901573642778401e+09);
INSERT INTO "standings" VALUES('4ca3201bb5f3db8c','development','private','3a4708fea3a0749b','f485a41dfed8ddcb',3,2,'{"artfid@efficientnet_lite0": [2.0, 1.75, 2.25], "score": [2.0, 1.75, 2.25]}',1.79534901573642778401e+09);
INSERT INTO "standings" VALUES('4ca3201bb5f3db8c','development','public','5fc9bd0a694604bc','124b7cf4a4995ac1',2,1,'{"artfid@efficientnet_lite0": [2.0, 1.75, 2.25], "score": [2.0, 1.75, 2.25]}',5.0);
INSERT INTO "standings" VALUES('4ca3201bb5f3db8c','development','private','5fc9bd0a694604bc','124b7cf4a4995ac1',2,1,'{"artfid@efficientnet_lite0": [4.0, 3.75, 4.25], "score": [4.0, 3.75, 4.25]}',5.0);
CREATE TABLE submissions (
	id VARCHAR(16) NOT NULL, 
	number INTEGER NOT NULL, 
	contest_id VARCHAR(16) NOT NULL, 
	phase VARCHAR(200) NOT NULL, 
	team_id VARCHAR(16) NOT NULL, 
	user_id VARCHAR(16) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	title VARCHAR(400) NOT NULL, 
	note TEXT NOT NULL, 
	archive_key TEXT NOT NULL, 
	archive_sha256 VARCHAR(64) NOT NULL, 
	archive_bytes BIGINT NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	counts_for_quota BOOLEAN NOT NULL, 
	created_at DOUBLE NOT NULL, 
	started_at DOUBLE, 
	finished_at DOUBLE, 
	attempts INTEGER NOT NULL, 
	lease_owner VARCHAR(64), 
	lease_until DOUBLE, 
	progress_done INTEGER NOT NULL, 
	progress_total INTEGER NOT NULL, 
	error TEXT, 
	log_key TEXT, 
	results_key TEXT, 
	evaluator_hash VARCHAR(200), 
	is_final BOOLEAN NOT NULL, 
	is_hidden BOOLEAN NOT NULL, 
	flags JSON NOT NULL, 
	queued_at DOUBLE NOT NULL, 
	public_score DOUBLE, 
	private_score DOUBLE, 
	CONSTRAINT pk_submissions PRIMARY KEY (id), 
	CONSTRAINT fk_submissions_contest_id FOREIGN KEY(contest_id) REFERENCES contests (id), 
	CONSTRAINT fk_submissions_team_id FOREIGN KEY(team_id) REFERENCES teams (id), 
	CONSTRAINT fk_submissions_user_id FOREIGN KEY(user_id) REFERENCES users (id), 
	CONSTRAINT uq_submissions_contest_id_number UNIQUE (contest_id, number)
);
INSERT INTO "submissions" VALUES('202db11b5c5b38c1',1,'4ca3201bb5f3db8c','development','3a4708fea3a0749b','3157ecaeaf21dc31','results','','','submissions/none/archive.zip','0000000000000000000000000000000000000000000000000000000000000000',1,'scored',1,1.7953490152400567531e+09,1.79534901531605243681e+09,1.79534901535112380983e+09,1,NULL,NULL,0,0,NULL,NULL,'submissions/202db11b5c5b38c1/report.json','evaluator',0,0,'[]',1.7953490152400567531e+09,3.0,6.0);
INSERT INTO "submissions" VALUES('124b7cf4a4995ac1',2,'4ca3201bb5f3db8c','development','5fc9bd0a694604bc','4969378cc8eac3d8','results','','','submissions/none/archive.zip','0000000000000000000000000000000000000000000000000000000000000000',1,'scored',1,1.79534901552355957024e+09,1.79534901555255722999e+09,1.79534901556655311586e+09,1,NULL,NULL,0,0,NULL,NULL,'submissions/124b7cf4a4995ac1/report.json','evaluator',0,0,'[]',1.79534901552355957024e+09,2.0,4.0);
INSERT INTO "submissions" VALUES('f485a41dfed8ddcb',3,'4ca3201bb5f3db8c','development','3a4708fea3a0749b','3157ecaeaf21dc31','results','','','submissions/none/archive.zip','0000000000000000000000000000000000000000000000000000000000000000',1,'scored',1,1.79534901565662813188e+09,1.7953490156899886131e+09,1.79534901573642778401e+09,1,NULL,NULL,0,0,NULL,NULL,'submissions/f485a41dfed8ddcb/report.json','evaluator',0,0,'[]',1.79534901565662813188e+09,1.0,2.0);
INSERT INTO "submissions" VALUES('0a30833b4dc9d7f3',4,'4ca3201bb5f3db8c','development','5fc9bd0a694604bc','4969378cc8eac3d8','results','','','submissions/none/archive.zip','0000000000000000000000000000000000000000000000000000000000000000',1,'disqualified',1,1.79534901577949285505e+09,1.79534901580415892597e+09,1.79534901583259105684e+09,1,NULL,NULL,0,0,NULL,NULL,'submissions/0a30833b4dc9d7f3/report.json','evaluator',0,0,'[]',1.79534901577949285505e+09,0.5,1.0);
INSERT INTO "submissions" VALUES('094d4561db2a24d0',5,'4ca3201bb5f3db8c','development','3a4708fea3a0749b','3157ecaeaf21dc31','results','','','submissions/none/archive.zip','0000000000000000000000000000000000000000000000000000000000000000',1,'failed',0,6.0,7.0,8.0,1,NULL,NULL,0,0,'Picture 003.png is missing.',NULL,NULL,NULL,0,0,'[]',6.0,NULL,NULL);
INSERT INTO "submissions" VALUES('1eb684bab3c263ba',6,'4ca3201bb5f3db8c','development','5fc9bd0a694604bc','4969378cc8eac3d8','results','','','submissions/none/archive.zip','0000000000000000000000000000000000000000000000000000000000000000',1,'queued',1,9.0,NULL,NULL,0,NULL,NULL,0,0,NULL,NULL,NULL,NULL,0,0,'[]',9.0,NULL,NULL);
CREATE TABLE teams (
	id VARCHAR(16) NOT NULL, 
	contest_id VARCHAR(16) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	name_key VARCHAR(200) NOT NULL, 
	created_at DOUBLE NOT NULL, 
	is_hidden BOOLEAN NOT NULL, 
	CONSTRAINT pk_teams PRIMARY KEY (id), 
	CONSTRAINT fk_teams_contest_id FOREIGN KEY(contest_id) REFERENCES contests (id), 
	CONSTRAINT uq_teams_contest_id_name_key UNIQUE (contest_id, name_key)
);
INSERT INTO "teams" VALUES('3a4708fea3a0749b','4ca3201bb5f3db8c','Fauves','fauves',1.7953490151661143303e+09,0);
INSERT INTO "teams" VALUES('5fc9bd0a694604bc','4ca3201bb5f3db8c','Nabis','nabis',1.7953490152222914695e+09,0);
CREATE TABLE tokens (
	id VARCHAR(16) NOT NULL, 
	user_id VARCHAR(16) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	token_hash VARCHAR(64) NOT NULL, 
	created_at DOUBLE NOT NULL, 
	expires_at DOUBLE, 
	last_used_at DOUBLE, 
	CONSTRAINT pk_tokens PRIMARY KEY (id), 
	CONSTRAINT fk_tokens_user_id FOREIGN KEY(user_id) REFERENCES users (id), 
	CONSTRAINT uq_tokens_token_hash UNIQUE (token_hash)
);
INSERT INTO "tokens" VALUES('b657e31be9990da6','fa0c15202bdc3293','laptop','hash of a token',2.0,NULL,NULL);
CREATE TABLE uploads (
	id VARCHAR(16) NOT NULL, 
	contest_id VARCHAR(16) NOT NULL, 
	user_id VARCHAR(16) NOT NULL, 
	filename VARCHAR(400) NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	received_bytes BIGINT NOT NULL, 
	created_at DOUBLE NOT NULL, 
	expires_at DOUBLE NOT NULL, 
	CONSTRAINT pk_uploads PRIMARY KEY (id), 
	CONSTRAINT fk_uploads_contest_id FOREIGN KEY(contest_id) REFERENCES contests (id), 
	CONSTRAINT fk_uploads_user_id FOREIGN KEY(user_id) REFERENCES users (id)
);
INSERT INTO "uploads" VALUES('060ae36d817e8608','4ca3201bb5f3db8c','fa0c15202bdc3293','a.zip',10,'0000000000000000000000000000000000000000000000000000000000000000',0,10.0,4000000000.0);
CREATE TABLE users (
	id VARCHAR(16) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	name_key VARCHAR(200) NOT NULL, 
	email VARCHAR(320), 
	password_hash TEXT NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	language VARCHAR(8) NOT NULL, 
	created_at DOUBLE NOT NULL, 
	is_disabled BOOLEAN NOT NULL, 
	CONSTRAINT pk_users PRIMARY KEY (id), 
	CONSTRAINT uq_users_email UNIQUE (email), 
	CONSTRAINT uq_users_name UNIQUE (name), 
	CONSTRAINT uq_users_name_key UNIQUE (name_key)
);
INSERT INTO "users" VALUES('fa0c15202bdc3293','ada','ada','ada@example.org','x','admin','en',1.79534901504050588608e+09,0);
INSERT INTO "users" VALUES('3157ecaeaf21dc31','user1','user1','user1@example.org','x','user','en',1.79534901516500854492e+09,0);
INSERT INTO "users" VALUES('4969378cc8eac3d8','user2','user2','user2@example.org','x','user','en',1.79534901520739984511e+09,0);
CREATE TABLE votes (
	id VARCHAR(16) NOT NULL, 
	contest_id VARCHAR(16) NOT NULL, 
	phase VARCHAR(200) NOT NULL, 
	pair INTEGER NOT NULL, 
	first_submission VARCHAR(16) NOT NULL, 
	second_submission VARCHAR(16) NOT NULL, 
	winner VARCHAR(8) NOT NULL, 
	voter_id VARCHAR(16) NOT NULL, 
	session_key VARCHAR(64) NOT NULL, 
	created_at DOUBLE NOT NULL, 
	CONSTRAINT pk_votes PRIMARY KEY (id), 
	CONSTRAINT fk_votes_contest_id FOREIGN KEY(contest_id) REFERENCES contests (id), 
	CONSTRAINT fk_votes_first_submission FOREIGN KEY(first_submission) REFERENCES submissions (id), 
	CONSTRAINT fk_votes_second_submission FOREIGN KEY(second_submission) REFERENCES submissions (id), 
	CONSTRAINT fk_votes_voter_id FOREIGN KEY(voter_id) REFERENCES users (id), 
	CONSTRAINT uq_votes_once UNIQUE (voter_id, pair, first_submission, second_submission)
);
INSERT INTO "votes" VALUES('287fe1811de1a226','4ca3201bb5f3db8c','development',0,'124b7cf4a4995ac1','202db11b5c5b38c1','second','fa0c15202bdc3293','key',11.0);
CREATE TABLE workers (
	id VARCHAR(64) NOT NULL, 
	host VARCHAR(200) NOT NULL, 
	pid INTEGER NOT NULL, 
	started_at DOUBLE NOT NULL, 
	seen_at DOUBLE NOT NULL, 
	current_submission VARCHAR(16), 
	CONSTRAINT pk_workers PRIMARY KEY (id)
);
INSERT INTO "workers" VALUES('w','host',7,14.0,15.0,NULL);
CREATE INDEX ix_audit_events_actor_id ON audit_events (actor_id);
CREATE INDEX ix_contests_state ON contests (state);
CREATE INDEX ix_sessions_expires_at ON sessions (expires_at);
CREATE INDEX ix_sessions_user_id ON sessions (user_id);
CREATE INDEX ix_tokens_user_id ON tokens (user_id);
CREATE INDEX ix_announcements_contest_id ON announcements (contest_id);
CREATE INDEX ix_contest_roles_user_id ON contest_roles (user_id);
CREATE INDEX ix_log_entries_submission_id ON log_entries (submission_id);
CREATE INDEX ix_uploads_expires_at ON uploads (expires_at);
CREATE INDEX ix_uploads_user_id ON uploads (user_id);
CREATE INDEX ix_invitations_team_id ON invitations (team_id);
CREATE INDEX ix_memberships_team_id ON memberships (team_id);
CREATE INDEX ix_memberships_user_id ON memberships (user_id);
CREATE INDEX ix_submissions_contest_id_team_id_phase_state_public_score ON submissions (contest_id, team_id, phase, state, public_score);
CREATE INDEX ix_submissions_finished ON submissions (contest_id, finished_at);
CREATE INDEX ix_submissions_queue ON submissions (state, queued_at, number);
CREATE INDEX ix_submissions_user_id ON submissions (user_id);
CREATE INDEX ix_entry_reports_state ON entry_reports (state);
CREATE INDEX ix_entry_reports_submission_id ON entry_reports (submission_id);
CREATE INDEX ix_votes_contest_id_phase ON votes (contest_id, phase);
CREATE INDEX ix_votes_voter_id_created_at ON votes (voter_id, created_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('audit_events',1);
COMMIT;
