"""How people spell who left and who stayed, yes and no, and that a value is missing.

Yes, no and missing values are the program's to tell, by the same spellings (shared/schema, shared/reader); these are for files that
training reads by itself.
"""


def fold(value):
    """A value without case, and with one blank for blanks and underscores: by it values match."""
    return " ".join(value.casefold().replace("_", " ").split())


def folds(texts):
    """A list of spellings with commas between them."""
    return {fold(text) for text in texts.split(",")}


YES = folds("yes,y,true,t,1,1.0,on,oui,o,vrai,ja,j,wahr,si,sí,sim,verdadero,verdadeiro,✓")
NO = folds("no,n,false,f,0,0.0,off,non,faux,nein,falsch,nee,onwaar,falso,não,nao,nej,✗")
LEFT_WORDS = folds(
    "churn,churned,churner,left,leaver,leave,exited,exit,cancelled,canceled,attrited,attrited customer,attrition,lost,gone,"
    "terminated,closed,resigned,quit,departed,unsubscribed,abgewandert,gekündigt,parti,baja,abandono"
)
STAYED_WORDS = folds(
    "stayed,stay,stayer,retained,active,kept,existing,existing customer,current,current employee,not churned,no churn,non churn,"
    "not churn,loyal,remained,open,renewed,subscribed,geblieben,resté,activo"
)
# Who is on may be a customer still.
LEFT = YES - {"on"} | LEFT_WORDS
STAYED = NO - {"off"} | STAYED_WORDS
# Customers who neither left nor had the time to: their outcome is not known yet.
NOT_YET = folds("joined,new,new customer,pending,unknown,undecided,trial,on trial,too early")
# A text with one of these among words is left alone.
MISSING = folds("na,nan,null,n/a,#n/a,<na>,-,--,?,nil,missing")
