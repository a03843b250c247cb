"""How people spell yes and no, who left and who stayed, and that a value is missing."""


def fold(value):
    """A value without case, and with one blank for blanks and underscores: by it values match."""
    return " ".join(value.casefold().replace("_", " ").split())


def folds(texts):
    """A list of spellings with commas between them."""
    return {fold(text) for text in texts.split(",")}


YES = folds("yes,y,true,t,1,1.0,on,vrai,oui,ja,wahr,si,sí,sim,vero,verdadero,verdadeiro")
NO = folds("no,n,false,f,0,0.0,off,faux,non,nein,falsch,nao,não,falso")
LEFT = YES - {"on"} | folds(
    "churn,churned,churner,left,leaver,leave,exited,exit,cancelled,canceled,attrited,attrited customer,attrition,lost,gone,"
    "terminated,closed,resigned,quit,departed,unsubscribed,abgewandert,gekündigt,parti,baja,abandono"
)
STAYED = NO - {"off"} | folds(
    "stayed,stay,stayer,retained,active,kept,existing,existing customer,current,current employee,not churned,no churn,non churn,"
    "not churn,loyal,remained,open,renewed,subscribed,geblieben,resté,activo"
)
# Customers who neither left nor had the time to: their outcome is not known yet.
NOT_YET = folds("joined,new,new customer,pending,unknown,undecided,trial,on trial,too early")
# A text with one of these among words is left alone.
MISSING = folds("na,nan,null,n/a,#n/a,<na>,-,--,?,nil,missing")
