-- Version 1. migrate.rs says what stands in braces in the words of each database.

CREATE TABLE resources (
  resource_id      {text} PRIMARY KEY,
  name             {text} NOT NULL,
  workspace        {text} NOT NULL,
  key_group        {text},
  environment      {text},
  owner            {text},
  policy           {text},
  status           {text},
  status_reason    {text},
  rotation_due_at  {text},
  overdue_at       {text},
  revocation_due_at {text},
  generation       BIGINT,
  left_by          {text},
  left_at          {text},
  seen_at          {text},
  private_data     {text},
  updated_at       {text} NOT NULL
);
{boundary}
CREATE INDEX resources_by_name ON resources (name);
{boundary}
CREATE INDEX resources_by_group ON resources (key_group);
{boundary}
CREATE INDEX resources_by_owner ON resources (owner);
{boundary}
CREATE INDEX resources_by_environment ON resources (environment, policy);
{boundary}
CREATE INDEX resources_by_policy ON resources (policy);
{boundary}
CREATE TABLE keys (
  id               {serial},
  resource_id      {text} NOT NULL REFERENCES resources (resource_id),
  issuer           {text} NOT NULL,
  account          {text} NOT NULL,
  key_id           {text},
  mark             {text},
  slot             {text} NOT NULL,
  status           {text} NOT NULL,
  created_at       {text} NOT NULL,
  delivered_at     {text},
  verified_at      {text},
  promoted_at      {text},
  retired_at       {text},
  revoked_at       {text},
  last_used_at     {text},
  noticed          {text},
  confirmed_at     {text},
  minted_by        {text},
  updated_at       {text} NOT NULL,
  UNIQUE (resource_id, key_id)
);
{boundary}
CREATE INDEX keys_by_resource ON keys (resource_id, status, created_at);
{boundary}
CREATE INDEX keys_by_id ON keys (key_id);
{boundary}
CREATE INDEX keys_by_mark ON keys (mark);
{boundary}
CREATE INDEX keys_by_account ON keys (account, key_id);
{boundary}
CREATE INDEX keys_by_issuer ON keys (issuer, status, created_at);
{boundary}
CREATE INDEX keys_by_age ON keys (status, created_at, last_used_at);
{boundary}
CREATE INDEX keys_held ON keys (resource_id, status, slot) WHERE status = 'live' AND slot <> 'none';
{boundary}
CREATE INDEX keys_unconfirmed ON keys (account) WHERE status = 'live' AND confirmed_at IS NULL;
{boundary}
CREATE INDEX keys_doubtful ON keys (created_at) WHERE status <> 'revoked' AND (status = 'orphaned' OR confirmed_at IS NULL);
{boundary}
CREATE TABLE places (
  place            {text} NOT NULL,
  resource_id      {text} NOT NULL REFERENCES resources (resource_id),
  PRIMARY KEY (place, resource_id)
);
{boundary}
CREATE INDEX places_by_resource ON places (resource_id);
{boundary}
CREATE TABLE intents (
  id               {serial},
  intent           {text} NOT NULL UNIQUE,
  apply            {text} NOT NULL,
  resource_id      {text} NOT NULL,
  name             {text} NOT NULL,
  workspace        {text} NOT NULL,
  issuer           {text} NOT NULL,
  account          {text} NOT NULL,
  effect           {text} NOT NULL,
  action           {text} NOT NULL,
  key_id           {text},
  mark             {text},
  place            {text},
  known_keys       {text} NOT NULL,
  private_data     {text},
  audience         {text},
  lock_name        {text},
  lock_number      BIGINT,
  begun_at         {text} NOT NULL,
  ended_at         {text},
  outcome          {text},
  error            {text}
);
{boundary}
CREATE INDEX intents_open_by_resource ON intents (resource_id) WHERE outcome IS NULL;
{boundary}
CREATE INDEX intents_open_by_account ON intents (account) WHERE outcome IS NULL;
{boundary}
CREATE INDEX intents_ended ON intents (ended_at) WHERE outcome IS NOT NULL;
{boundary}
CREATE TABLE events (
  seq              BIGINT PRIMARY KEY,
  at               {text} NOT NULL,
  event            {text} NOT NULL,
  effect           {text},
  action           {text},
  resource_id      {text} NOT NULL,
  name             {text} NOT NULL,
  workspace        {text} NOT NULL,
  issuer           {text} NOT NULL,
  account          {text} NOT NULL,
  key_id           {text},
  mark             {text},
  place            {text},
  intent           {text},
  detail           {text},
  previous         {text} NOT NULL,
  hash             {text} NOT NULL
);
{boundary}
CREATE INDEX events_by_resource ON events (resource_id, seq);
{boundary}
CREATE INDEX events_by_key ON events (key_id, mark);
{boundary}
CREATE INDEX events_by_mark ON events (mark) WHERE key_id IS NULL;
{boundary}
CREATE INDEX events_by_intent ON events (intent);
{boundary}
CREATE INDEX events_by_outcome ON events (event, effect, workspace);
{boundary}
CREATE INDEX events_of_applies ON events (resource_id, seq) WHERE effect = 'apply';
{boundary}
CREATE INDEX events_of_emergencies ON events (resource_id, seq) WHERE action = 'emergency' AND event IN ('opened', 'contained');
{boundary}
CREATE TABLE leaks (
  source           {text} NOT NULL,
  alert            {text} NOT NULL,
  mark             {text} NOT NULL,
  validity         {text},
  found_at         {text},
  noted_at         {text} NOT NULL,
  closed_at        {text},
  PRIMARY KEY (source, alert)
);
{boundary}
CREATE INDEX leaks_open ON leaks (mark) WHERE closed_at IS NULL;
{boundary}
CREATE TABLE anomalies (
  account          {text} NOT NULL,
  key_id           {text} NOT NULL,
  kind             {text} NOT NULL,
  name             {text} NOT NULL,
  first_at         {text} NOT NULL,
  last_at          {text} NOT NULL,
  noted_at         {text} NOT NULL,
  allowed_at       {text},
  PRIMARY KEY (account, key_id, kind, name)
);
{boundary}
CREATE INDEX anomalies_open ON anomalies (last_at) WHERE allowed_at IS NULL;
{boundary}
CREATE TABLE chain (
  id               BIGINT PRIMARY KEY CHECK (id = 1),
  seq              BIGINT NOT NULL,
  hash             {text} NOT NULL,
  at               {text}
);
{boundary}
CREATE TABLE locks (
  name             {text} PRIMARY KEY,
  number           BIGINT NOT NULL,
  holder           {text},
  taken_at         {text} NOT NULL,
  expires_at       {text} NOT NULL
);
{boundary}
CREATE TABLE notifications (
  id               {serial},
  message          {text} NOT NULL UNIQUE,
  resource_id      {text} NOT NULL,
  occasion         {text} NOT NULL,
  subject          {text} NOT NULL,
  channel          {text} NOT NULL,
  told             {text} NOT NULL,
  created_at       {text} NOT NULL,
  attempts         BIGINT NOT NULL,
  next_at          {text} NOT NULL,
  claimed_by       {text},
  claimed_until    {text},
  sent_at          {text},
  given_up_at      {text},
  error            {text}
);
{boundary}
CREATE INDEX notifications_by_resource ON notifications (resource_id, occasion, channel);
{boundary}
CREATE INDEX notifications_unsent ON notifications (next_at) WHERE sent_at IS NULL AND given_up_at IS NULL;
{boundary}
CREATE INDEX notifications_claimed ON notifications (claimed_by) WHERE claimed_by IS NOT NULL;
{boundary}
CREATE INDEX notifications_sent ON notifications (channel, sent_at) WHERE sent_at IS NOT NULL;
{boundary}
INSERT INTO chain (id, seq, hash) VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');
