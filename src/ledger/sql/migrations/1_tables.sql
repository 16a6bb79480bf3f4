-- Version 1. migrate.rs says what stands in braces in the words of each database.

CREATE TABLE keys (
  id               {serial},
  resource_id      {text} NOT NULL,
  name             {text} NOT NULL,
  workspace        {text} NOT NULL,
  issuer           {text} NOT NULL,
  account          {text} NOT NULL,
  key_id           {text},
  mark             {text},
  key_group        {text},
  environment      {text},
  owner            {text},
  policy           {text},
  slot             {text} NOT NULL,
  status           {text} NOT NULL,
  resource_status  {text},
  rotation_due_at  {text},
  created_at       {text} NOT NULL,
  delivered_at     {text},
  verified_at      {text},
  promoted_at      {text},
  retired_at       {text},
  revoked_at       {text},
  last_used_at     {text},
  confirmed_at     {text},
  minted_by        {text},
  updated_at       {text} NOT NULL,
  UNIQUE (resource_id, key_id)
);
{boundary}
CREATE INDEX keys_by_id ON keys (key_id);
{boundary}
CREATE INDEX keys_by_mark ON keys (mark);
{boundary}
CREATE INDEX keys_by_account ON keys (account, key_id);
{boundary}
CREATE INDEX keys_by_name ON keys (name, status, created_at);
{boundary}
CREATE INDEX keys_by_group ON keys (key_group, status, created_at);
{boundary}
CREATE INDEX keys_by_owner ON keys (owner, status, created_at);
{boundary}
CREATE INDEX keys_by_policy ON keys (policy, status, created_at);
{boundary}
CREATE INDEX keys_by_issuer ON keys (issuer, status, created_at);
{boundary}
CREATE INDEX keys_by_age ON keys (status, created_at, last_used_at);
{boundary}
CREATE INDEX keys_by_environment ON keys (status, environment, policy, created_at);
{boundary}
CREATE INDEX keys_unconfirmed ON keys (account) WHERE status = 'live' AND confirmed_at IS NULL;
{boundary}
CREATE INDEX keys_doubtful ON keys (created_at) WHERE status <> 'revoked' AND (status = 'orphaned' OR confirmed_at IS NULL);
{boundary}
CREATE TABLE resources (
  resource_id      {text} PRIMARY KEY,
  name             {text} NOT NULL,
  workspace        {text} NOT NULL,
  account          {text} NOT NULL,
  generation       BIGINT NOT NULL,
  left_by          {text},
  left_at          {text},
  updated_at       {text} NOT NULL
);
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
  lock_name        {text},
  lock_number      BIGINT,
  begun_at         {text} NOT NULL,
  ended_at         {text},
  outcome          {text}
);
{boundary}
CREATE INDEX intents_open_by_resource ON intents (resource_id) WHERE outcome IS NULL;
{boundary}
CREATE INDEX intents_open_by_account ON intents (account) WHERE outcome IS NULL;
{boundary}
CREATE INDEX intents_ended ON intents (ended_at) WHERE outcome IS NOT NULL;
{boundary}
CREATE TABLE attempts (
  id               {serial},
  intent           {text} NOT NULL REFERENCES intents (intent),
  resource_id      {text} NOT NULL,
  name             {text} NOT NULL,
  workspace        {text} NOT NULL,
  effect           {text} NOT NULL,
  action           {text} NOT NULL,
  key_id           {text},
  mark             {text},
  place            {text},
  begun_at         {text} NOT NULL,
  failed_at        {text} NOT NULL,
  error            {text} NOT NULL
);
{boundary}
CREATE INDEX attempts_by_intent ON attempts (intent);
{boundary}
CREATE INDEX attempts_by_resource ON attempts (resource_id);
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
INSERT INTO chain (id, seq, hash) VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');
