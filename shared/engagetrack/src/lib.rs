//! The domain of EngageTrack AI: customers, the model, explanations and what follows from them.
