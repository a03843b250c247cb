//! Bodies that are not as the schema has them: what was read in them, and what an answer says of it.

use crate::Problem;
use crate::body;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponseParts, ResponseParts};
use reader::{Confirmed, Evidence, MembersError, Profiles, ProfilesError, TableError, must_look};
use schema::intake::{self, Submission};
use schema::{FieldError, FieldErrors, Schema};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::convert::Infallible;
use utoipa::ToSchema;

/// Bytes of a header at most; evidence that has no room is only counted.
const LONGEST_HEADER: usize = 4 << 10;

const READ_AS: HeaderName = HeaderName::from_static("x-read-as");
const WARNINGS: HeaderName = HeaderName::from_static("x-warnings");

/// How a body was read, for the headers `x-read-as` and `x-warnings` and for the members of the same names.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct ReadAs {
    /// What was read in another way than it was written; absent where nothing was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub read_as: Vec<Evidence>,
    /// What was read and is perhaps not what was meant; absent where there is nothing of the kind.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Evidence>,
}

impl IntoResponseParts for ReadAs {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        for (name, evidence) in [(READ_AS, &self.read_as), (WARNINGS, &self.warnings)] {
            if let Some(value) = header(evidence) {
                parts.headers_mut().insert(name, value);
            }
        }
        Ok(parts)
    }
}

/// A list of evidence as JSON in ASCII.
fn header(evidence: &[Evidence]) -> Option<HeaderValue> {
    if evidence.is_empty() {
        return None;
    }
    let mut text = String::from("[");
    for (index, one) in evidence.iter().enumerate() {
        let one = ascii(&serde_json::to_string(one).ok()?);
        if text.len() + one.len() > LONGEST_HEADER {
            let rest = Evidence::of_input("further readings", (evidence.len() - index) as u64);
            text += &ascii(&serde_json::to_string(&rest).ok()?);
            text.push(',');
            break;
        }
        text += &one;
        text.push(',');
    }
    text.pop();
    text.push(']');
    HeaderValue::try_from(text).ok()
}

/// JSON without a character that a header can't hold.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            ' '..='~' => text.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    text += &format!("\\u{unit:04x}");
                }
            }
        }
    }
    text
}

impl From<TableError> for Problem {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Uncertain(uncertain) => {
                Self::invalid((1, vec![(String::new(), uncertain.to_string())]))
            }
            other => Self::malformed(format!("The body {other}.")),
        }
    }
}

impl From<MembersError> for Problem {
    fn from(error: MembersError) -> Self {
        match error {
            MembersError::Table(error) => error.into(),
            MembersError::Invalid(errors) => Self::invalid(errors),
        }
    }
}

/// Reads one profile.
///
/// # Errors
/// 400 where the body can't be read, 422 with everything that is wrong with the profile.
pub fn profile(
    schema: &Schema<'_>,
    bytes: &[u8],
    confirmed: &Confirmed,
) -> Result<(Submission, ReadAs), Problem> {
    let exact = || {
        let json = body::parse::<intake::Json>(bytes)?;
        schema.submission(&json).map_err(Problem::invalid)
    };
    let exact = exact();
    if let (Ok(_), true) = (&exact, confirmed.is_empty() && !must_look(schema)) {
        return exact.map(|submission| (submission, ReadAs::default()));
    }
    match read(schema, bytes, confirmed) {
        Ok(profiles) if profiles.is_single => {
            let read_as = ReadAs {
                read_as: profiles.evidence,
                warnings: profiles.warnings,
            };
            let submission = profiles.submissions.into_iter().next();
            submission
                .map(|submission| (submission, read_as))
                .ok_or_else(Problem::internal)
        }
        Ok(_) | Err(None) => exact.map(|submission| (submission, ReadAs::default())),
        Err(Some(problem)) => Err(problem),
    }
}

/// A member of an object, as it is written.
#[derive(Deserialize)]
struct WithProfile<'b> {
    #[serde(borrow)]
    profile: &'b RawValue,
}

/// Reads the profile that is the member `profile` of a JSON object.
///
/// # Errors
/// Everything that is wrong with it, with pointers into it; none where a reader of exact names and values says it better.
pub fn profile_member(
    schema: &Schema<'_>,
    object: &[u8],
    confirmed: &Confirmed,
) -> Result<(Submission, ReadAs), Option<FieldErrors>> {
    let object: WithProfile<'_> = serde_json::from_slice(object).map_err(|_| None)?;
    let read = Profiles::read(schema, object.profile.get().as_bytes(), confirmed);
    let profiles = read.map_err(|error| match error {
        ProfilesError::Invalid(errors) => Some(errors),
        ProfilesError::Table(TableError::Uncertain(uncertain)) => {
            Some(FieldErrors::one(FieldError {
                pointer: String::new(),
                detail: uncertain.to_string(),
            }))
        }
        ProfilesError::Plain | ProfilesError::Table(_) => None,
    })?;
    let read_as = ReadAs {
        read_as: profiles.evidence,
        warnings: profiles.warnings,
    };
    let submission = profiles.submissions.into_iter().next();
    let submission = submission.filter(|_| profiles.is_single).ok_or(None)?;
    Ok((submission, read_as))
}

/// Reads profiles in JSON of any shape.
///
/// # Errors
/// The problem; none where a reader of exact names and values says it better.
pub fn read(
    schema: &Schema<'_>,
    bytes: &[u8],
    confirmed: &Confirmed,
) -> Result<Profiles, Option<Problem>> {
    Profiles::read(schema, bytes, confirmed).map_err(|error| match error {
        ProfilesError::Plain | ProfilesError::Table(TableError::Malformed(_)) => None,
        ProfilesError::Table(error) => Some(error.into()),
        ProfilesError::Invalid(errors) => Some(Problem::invalid(errors)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_ascii_and_bounded() {
        let one = Evidence::of_column("Prénom 😀", "'é' is \"x\"", 3);
        let value = header(std::slice::from_ref(&one)).unwrap();
        let read: serde_json::Value = serde_json::from_slice(value.as_bytes()).unwrap();
        assert_eq!(read[0]["column"], "Prénom 😀");
        assert!(value.as_bytes().is_ascii());
        let many = header(&vec![one; 1_000]).unwrap();
        assert!(many.len() < LONGEST_HEADER + 200);
        let read: Vec<serde_json::Value> = serde_json::from_slice(many.as_bytes()).unwrap();
        assert_eq!(read.last().unwrap()["reading"], "further readings");
        assert!(header(&[]).is_none());
    }
}
