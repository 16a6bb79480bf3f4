/// Changes that a person has to approve.
mod approval;
/// Doppler and Infisical.
mod stores;
/// Keys of a Stripe account.
mod stripe;
/// Keys of a Twilio account.
mod twilio_api_key;
