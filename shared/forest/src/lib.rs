//! An XGBoost model compiled for speed: margins, exact SHAP values, interactions.
